package simzfs

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/internal/zfsname"
	"github.com/libioc/go-libioc/zfsstore/internal/zfsprop"
)

// A Store is a zfsstore.Store without ZFS. It is safe for concurrent use.
type Store struct {
	opts  Options
	rules zfsprop.Rules

	mu     sync.Mutex
	disks  map[string]*disk // by pool
	state  state
	faults fault.List
	calls  []Call
	// written are datasets that were written while they were read-only.
	written []string

	committed map[string]json.RawMessage // the records as last committed
	stop      func(step string)          // tests end the process here
}

// Options are the options of New. Commit, MountHook, Busy and Jail
// are called while the Store is locked: they must not call its methods, nor
// wait for what does.
type Options struct {
	// Pools are the imported pools. A pool that Load does not know is made
	// with its root dataset.
	Pools []Pool
	// Version is the OpenZFS version whose answers are given, "2.1.9"
	// (FreeBSD 13.2, the default) or "2.4" (FreeBSD 15.1).
	Version string
	// Clock returns the current time. The default is time.Now.
	Clock func() time.Time
	// NewGUID makes the guids of pools, datasets and snapshots. The default
	// makes random ones.
	NewGUID func() uint64
	// Load is the state to begin with: all that Commit was given, in order,
	// or the newest record of each key.
	Load []Record
	// Commit is called with the records that an operation changed, before the
	// operation returns. The whole batch must be kept or nothing of it. If it
	// fails the operation fails and has no effect.
	Commit func(batch []Record) error
	// MountHook is called after every mount and unmount was committed.
	MountHook func(MountEvent)
	// Busy reports whether a directory, given by its real path, or anything below
	// is in use: a working directory, an open file, another kind of mount on
	// top. The Store's own mounts do not count. What is in
	// use is neither unmounted nor destroyed.
	Busy func(path string) bool
	// Jail finds a jail by jid or name. The default knows every jail by the
	// text it is given.
	Jail func(jail string) (jid int, ok bool)
}

// A Pool is a pool of a Store.
type Pool struct {
	Name string
	// Altroot is the directory that the pool's mountpoints are below, as with
	// zpool-import(8) -R: a file system with the mountpoint /data is mounted
	// at Altroot/data, and its mountpoint is shown so. It is made if missing.
	Altroot string
	// Private is a directory for what is not mounted, on the same file system
	// as Altroot. The default is Altroot/.zfsstore/NAME.
	Private  string
	Health   string // default ONLINE
	Size     uint64 // bytes; default 20 GiB
	ReadOnly bool
}

// A MountEvent is a file system mounted or unmounted.
type MountEvent struct {
	Dataset string
	GUID    uint64 // of the dataset
	Path    string // real path of the mountpoint
	Mounted bool   // false: unmounted
}

// A Record is one piece of a Store's state. Batches of them, applied in
// order, are the state.
type Record struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value,omitempty"` // empty: the key is gone
}

var _ zfsstore.Store = (*Store)(nil)

// New returns a Store with the pools of opts, in the state opts.Load
// says, after repairing its directories.
func New(opts Options) (*Store, error) {
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	if opts.NewGUID == nil {
		opts.NewGUID = randomGUID
	}
	z := &Store{
		opts:      opts,
		rules:     zfsprop.Of(opts.Version),
		disks:     make(map[string]*disk),
		committed: make(map[string]json.RawMessage),
		stop:      func(string) {},
	}
	for _, record := range opts.Load {
		z.remember(record)
	}
	z.opts.Load = nil
	z.opts.Pools = slices.Clone(opts.Pools)
	for i, p := range opts.Pools {
		if words := zfsname.Words(p.Name, false); words != "" || zfsname.Parent(p.Name) != "" {
			return nil, fmt.Errorf("pool %q: %w", p.Name, zfsstore.ErrInvalidName)
		}
		if p.Altroot == "" {
			return nil, fmt.Errorf("pool %q: no altroot", p.Name)
		}
		altroot, err := filepath.Abs(p.Altroot)
		if err != nil {
			return nil, err
		}
		if p.Private == "" {
			p.Private = filepath.Join(altroot, ".zfsstore", p.Name)
		}
		p.Altroot = altroot
		z.opts.Pools[i] = p
		if z.disks[p.Name], err = newDisk(z, p); err != nil {
			return nil, err
		}
	}
	if err := z.restore(); err != nil {
		return nil, err
	}
	return z, z.createPools()
}

func randomGUID() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}

// A change is one operation in progress: what it touched and what to do after the
// commit.
type change struct {
	z      *Store
	ctx    context.Context
	op     string
	target string
	args   []string
	dirty  map[string]any // key to record; nil: gone
	after  []func()
	events []MountEvent
}

// refuse returns the operation's refusal, an *Error in zfs's words.
func (c *change) refuse(exit int, format string, values ...any) error {
	stderr := fmt.Sprintf(format, values...) + "\n"
	return zfsstore.Refused(c.op, c.target, c.args, exit, stderr)
}

// failed wraps an error that is not ZFS's, such as a full disk or a cancelled
// context.
func (c *change) failed(err error) error {
	return &zfsstore.Error{Op: c.op, Dataset: c.target, Args: c.args, ExitCode: -1, Err: err}
}

// do runs one operation under the lock: records the call, answers injected
// faults, and commits or undoes what fn did.
func (z *Store) do(ctx context.Context, target string, args []string, fn func(*change) error) error {
	c := &change{z: z, ctx: ctx, op: args[0], target: target, args: append([]string{"zfs"}, args...)}
	return z.run(c, fn)
}

func (z *Store) run(c *change, fn func(*change) error) error {
	c.dirty = make(map[string]any)
	z.mu.Lock()
	defer z.mu.Unlock()
	if err := c.ctx.Err(); err != nil {
		return c.failed(err)
	}
	z.record(c)
	failure := z.faults.Strike(c.op, c.target)
	if failure != nil && !failure.After {
		return c.failed(failure.Err)
	}
	err := fn(c)
	var refusal *zfsstore.Error
	if err != nil && !errors.As(err, &refusal) {
		return c.failed(errors.Join(err, z.undo(c)))
	}
	// A refusal may come after some of the work was done, as in a recursive
	// destroy; that part stays, as it does in ZFS.
	if err := c.commit(); err != nil {
		return c.failed(errors.Join(err, z.undo(c)))
	}
	if err == nil && failure != nil {
		return c.failed(failure.Err)
	}
	return err
}

// undo restores records and directories as last committed.
func (z *Store) undo(c *change) error {
	if len(c.dirty) == 0 {
		return nil
	}
	return z.restore()
}

// commit passes the changed records to Commit and then does what had to wait for
// that.
func (c *change) commit() error {
	if len(c.dirty) > 0 {
		batch := make([]Record, 0, len(c.dirty))
		for key, value := range c.dirty {
			record := Record{Key: key}
			if value != nil {
				text, err := json.Marshal(value)
				if err != nil {
					return err
				}
				record.Value = text
			}
			batch = append(batch, record)
		}
		slices.SortFunc(batch, func(a, b Record) int { return compareKeys(a.Key, b.Key) })
		c.z.stop("commit")
		if c.z.opts.Commit != nil {
			if err := c.z.opts.Commit(batch); err != nil {
				return err
			}
		}
		for _, record := range batch {
			c.z.remember(record)
		}
		c.z.stop("committed")
	}
	for _, f := range c.after {
		f()
	}
	if c.z.opts.MountHook != nil {
		for _, e := range c.events {
			c.z.opts.MountHook(e)
		}
	}
	return nil
}
