package zfsstore

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
)

// Memory is a Store without ZFS: datasets are records in memory, and what is
// mounted are real directories below each pool's altroot, to be read and
// written by anyone. It needs no privileges.
//
// A change is one batch of records. Directories are first made, then the batch
// is committed, and only then is anything removed; [NewMemory] repairs what a
// process killed between two of these left behind: directories without a
// dataset are removed, a dataset without its directory gets an empty one, and
// everything is mounted where the records say.
//
// Snapshots are copies, which share blocks where the file system below can do
// that; a clone is copied when it is first mounted. They are found at
// .zfs/snapshot/NAME of the dataset. Unlike ZFS's they can be written to, and
// .zfs shows up in a listing of the directory.
//
// A mountpoint of "/" cannot be mounted, since the altroot itself is not moved.
type Memory struct {
	opts    MemoryOptions
	version version
	natives map[string]nativeProperty
	order   []string // names of natives, in zfs-get's order

	mu     sync.Mutex
	disks  map[string]*disk // by pool
	state  state
	faults faults

	committed map[string]json.RawMessage // the records as last committed
	stop      func(step string)          // tests end the process here
}

// MemoryOptions are the options of NewMemory. Commit, MountHook, Busy and Jail
// are called while the Memory is locked: they must not call its methods, nor
// wait for what does.
type MemoryOptions struct {
	// Pools are the imported pools. A pool that Load does not know is made
	// with its root dataset.
	Pools []MemoryPool
	// Version is the OpenZFS version whose answers are given, "2.1.9"
	// (FreeBSD 13.2, the default) or "2.4" (FreeBSD 15.1).
	Version string
	// Clock gives the time of creation of datasets. The default is time.Now.
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
	// MountHook is told of every mount and unmount after it was committed.
	MountHook func(MountEvent)
	// Busy tells whether a directory, given by its real path, or anything below
	// is in use: a working directory, an open file, another kind of mount on
	// top. The Memory's own mounts do not count, it knows of them. What is in
	// use is neither unmounted nor destroyed.
	Busy func(path string) bool
	// Jail finds a jail by jid or name. The default knows every jail by the
	// text it is given.
	Jail func(jail string) (jid int, ok bool)
}

// A MemoryPool is a pool of a Memory.
type MemoryPool struct {
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
	Path    string // real path of the mountpoint
	Mounted bool   // false: unmounted
}

// A Record is one piece of a Memory's state. Batches of them, applied in
// order, are the state.
type Record struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value,omitempty"` // empty: the key is gone
}

var _ Store = (*Memory)(nil)

// NewMemory returns a Memory with the pools of opts, in the state opts.Load
// says, its directories repaired if need be.
func NewMemory(opts MemoryOptions) (*Memory, error) {
	if opts.Version == "" {
		opts.Version = versions[0].name
	}
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	if opts.NewGUID == nil {
		opts.NewGUID = randomGUID
	}
	m := &Memory{
		opts:      opts,
		version:   findVersion(opts.Version),
		disks:     make(map[string]*disk),
		committed: make(map[string]json.RawMessage),
		stop:      func(string) {},
	}
	m.natives, m.order = nativesOf(m.version)
	for _, record := range opts.Load {
		m.remember(record)
	}
	m.opts.Load = nil
	m.opts.Pools = slices.Clone(opts.Pools)
	for i, p := range opts.Pools {
		if words := nameWords(p.Name, false); words != "" || parentName(p.Name) != "" {
			return nil, fmt.Errorf("pool %q: %w", p.Name, ErrInvalidName)
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
		m.opts.Pools[i] = p
		if m.disks[p.Name], err = newDisk(m, p); err != nil {
			return nil, err
		}
	}
	if err := m.restore(); err != nil {
		return nil, err
	}
	return m, m.createPools()
}

func randomGUID() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}

// A change is one operation on its way: what it touched and what is to be done
// once that is committed.
type change struct {
	m      *Memory
	ctx    context.Context
	op     string
	target string
	args   []string
	dirty  map[string]any // key to record; nil: gone
	after  []func()
	events []MountEvent
}

// refuse is what the operation answers: an *Error in zfs's words.
func (c *change) refuse(exit int, format string, values ...any) error {
	stderr := fmt.Sprintf(format, values...) + "\n"
	return &Error{Op: c.op, Dataset: c.target, Args: c.args, ExitCode: exit, Stderr: stderr, Err: classify(stderr)}
}

// failed wraps what is not an answer of ZFS: a full disk, a cancelled context.
func (c *change) failed(err error) error {
	return &Error{Op: c.op, Dataset: c.target, Args: c.args, ExitCode: -1, Err: err}
}

// do runs one operation under the lock: records the call, answers injected
// faults, and commits or undoes what fn did.
func (m *Memory) do(ctx context.Context, target string, args []string, fn func(*change) error) error {
	c := &change{m: m, ctx: ctx, op: args[0], target: target, args: append([]string{"zfs"}, args...)}
	return m.run(c, fn)
}

func (m *Memory) run(c *change, fn func(*change) error) error {
	ctx, target := c.ctx, c.target
	c.dirty = make(map[string]any)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return c.failed(err)
	}
	fault := m.faults.begin(c.op, target, c.args)
	if fault != nil && !fault.After {
		return c.failed(fault.Err)
	}
	err := fn(c)
	var refusal *Error
	if err != nil && !errors.As(err, &refusal) {
		return c.failed(errors.Join(err, m.undo(c)))
	}
	// A refusal may come after some of the work was done, as in a recursive
	// destroy; that part stays, as it does in ZFS.
	if failure := c.commit(); failure != nil {
		return c.failed(errors.Join(failure, m.undo(c)))
	}
	if err == nil && fault != nil {
		return c.failed(fault.Err)
	}
	return err
}

// undo brings records and directories back to what was last committed.
func (m *Memory) undo(c *change) error {
	if len(c.dirty) == 0 {
		return nil
	}
	return m.restore()
}

// commit hands the changed records to Commit and then does what had to wait
// for it.
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
		c.m.stop("commit")
		if c.m.opts.Commit != nil {
			if err := c.m.opts.Commit(batch); err != nil {
				return err
			}
		}
		for _, record := range batch {
			c.m.remember(record)
		}
		c.m.stop("committed")
	}
	for _, f := range c.after {
		f()
	}
	if c.m.opts.MountHook != nil {
		for _, e := range c.events {
			c.m.opts.MountHook(e)
		}
	}
	return nil
}
