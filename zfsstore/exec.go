package zfsstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/libioc/go-libioc/zfsstore/internal/cmdline"
	"github.com/libioc/go-libioc/zfsstore/internal/zfsname"
)

// Exec is the Store of a host's real ZFS. Each operation is one process of
// zfs(8) or zpool(8), some of them run by github.com/mistifyio/go-zfs; List takes
// a second one only where the output could be read in two ways. Most changes need
// root.
type Exec struct {
	zfs, zpool string
	canJail    bool
	// changeDelay is a constant but for tests.
	changeDelay time.Duration
}

// ExecOptions are the options of NewExec.
type ExecOptions struct {
	ZFS   string // the program zfs(8); default "zfs", searched in PATH
	Zpool string // the program zpool(8); default "zpool"
}

var _ Store = (*Exec)(nil)

// NewExec returns the Store of this host. It runs nothing yet: where there is
// no ZFS, each operation returns ErrUnsupported.
func NewExec(opts ExecOptions) *Exec {
	e := &Exec{zfs: opts.ZFS, zpool: opts.Zpool, canJail: runtime.GOOS == "freebsd", changeDelay: changeDelay}
	if e.zfs == "" {
		e.zfs = "zfs"
	}
	if e.zpool == "" {
		e.zpool = "zpool"
	}
	return e
}

// invalid refuses an argument that zfs(8) would take for an option, or for
// several datasets, before it is run.
func (e *Exec) invalid(op, name string, args []string, sentinel error, format string, values ...any) error {
	return &Error{
		Op: op, Dataset: name, Args: append([]string{e.zfs}, args...), ExitCode: -1, Err: sentinel,
		Stderr: fmt.Sprintf(format, values...) + "\n",
	}
}

// checkName refuses names that are no names to zfs(8).
func (e *Exec) checkName(op, name string, args []string) error {
	switch {
	case name == "":
		return e.invalid(op, name, args, ErrInvalidName, "empty dataset name")
	case name[0] == '-':
		return e.invalid(op, name, args, ErrInvalidName, "cannot open '%s': invalid character - in name", name)
	case strings.ContainsAny(name, ",%#"+zfsname.Unquotable):
		return e.invalid(op, name, args, ErrInvalidName, "cannot open '%s': invalid character in name", name)
	}
	return nil
}

// checkProperty refuses names of properties that would be read as options, as
// lists or as assignments of other properties.
func (e *Exec) checkProperty(op, name string, args []string, properties ...string) error {
	for _, p := range properties {
		if p == "" || p[0] == '-' || strings.ContainsAny(p, "=,\x00\t\n ") {
			return e.invalid(op, name, args, ErrInvalidProperty, "invalid property '%s'", p)
		}
	}
	return nil
}

// change runs an operation whose output is of no interest.
func (e *Exec) change(ctx context.Context, op string, args []string, names ...string) error {
	return e.changeBy(ctx, nil, op, args, names...)
}

// changeBy is change where library is the call of go-zfs, nil if it has none.
func (e *Exec) changeBy(ctx context.Context, library func() error, op string, args []string, names ...string) error {
	for _, name := range names {
		if err := e.checkName(op, name, args); err != nil {
			return err
		}
	}
	v := invocation{program: e.zfs, op: op, dataset: names[0], args: args}
	if done, err := e.tryLibrary(ctx, v, library); done {
		return err
	}
	return e.run(ctx, v)
}

func keysOf(properties map[string]string) []string {
	keys := make([]string, 0, len(properties))
	for key := range properties {
		keys = append(keys, key)
	}
	return keys
}

// Get implements Store.
func (e *Exec) Get(ctx context.Context, name string, opts GetOptions) (Dataset, error) {
	args := cmdline.Get(opts).Args(name)
	if err := errors.Join(e.checkName("get", name, args), e.checkProperty("get", name, args, opts.Properties...)); err != nil {
		return Dataset{}, err
	}
	found, _, err := e.read(ctx, "get", name, name, args, opts.Properties)
	if err != nil {
		return Dataset{}, err
	}
	if len(found) != 1 {
		return Dataset{}, e.invalid("get", name, args, ErrNotFound, "zfs get printed %d datasets", len(found))
	}
	return found[0], nil
}

// read runs zfs get and parses its output while it comes.
func (e *Exec) read(ctx context.Context, op, dataset, only string, args, properties []string) ([]Dataset, bool, error) {
	var found []Dataset
	p := newParser(only, properties)
	err := e.run(ctx, invocation{program: e.zfs, op: op, dataset: dataset, args: args, output: func(r io.Reader) (err error) {
		found, err = p.parse(r)
		return err
	}})
	return found, p.needsCheck, err
}

// List implements Store.
func (e *Exec) List(ctx context.Context, root string, opts ListOptions) ([]Dataset, error) {
	args := cmdline.List[Type](opts).Args(root)
	if root != "" {
		if err := e.checkName("list", root, args); err != nil {
			return nil, err
		}
	}
	if err := e.checkProperty("list", root, args, opts.Properties...); err != nil {
		return nil, err
	}
	found, needsCheck, err := e.read(ctx, "list", root, "", args, opts.Properties)
	if err == nil && !needsCheck || err != nil && !errors.Is(err, errAmbiguous) {
		return found, err
	}
	var names []string
	args = cmdline.List[Type](opts).Names(root)
	err = e.run(ctx, invocation{program: e.zfs, op: "list", dataset: root, args: args, output: func(r io.Reader) (err error) {
		names, err = readLines(r)
		return err
	}})
	if err != nil {
		return nil, err
	}
	if sameNames(found, names) {
		return found, nil
	}
	return e.readEach(ctx, names, opts)
}

func sameNames(found []Dataset, names []string) bool {
	if len(found) != len(names) {
		return false
	}
	for i := range found {
		if found[i].Name != names[i] {
			return false
		}
	}
	return true
}

// readEach reads datasets one by one: slow, but what stands in one dataset's
// properties cannot be taken for another's.
func (e *Exec) readEach(ctx context.Context, names []string, opts ListOptions) ([]Dataset, error) {
	var found []Dataset
	for _, name := range names {
		d, err := e.Get(ctx, name, GetOptions{Properties: opts.Properties})
		if errors.Is(err, errAmbiguous) {
			// Its own user properties are beyond reading; the rest is not.
			d, err = e.Get(ctx, name, GetOptions{})
		}
		if errors.Is(err, ErrNotFound) {
			continue // destroyed meanwhile
		}
		if err != nil {
			return nil, err
		}
		found = append(found, d)
	}
	return found, nil
}

// Pools implements Store.
func (e *Exec) Pools(ctx context.Context) ([]Pool, error) {
	var lines []string
	err := e.run(ctx, invocation{program: e.zpool, op: "zpool list", args: cmdline.Pools, output: func(r io.Reader) (err error) {
		lines, err = readLines(r)
		return err
	}})
	if err != nil {
		return nil, err
	}
	var pools []Pool
	for _, line := range lines {
		if line == "no pools available" {
			continue
		}
		p, err := parsePool(line)
		if err != nil {
			return nil, &Error{Op: "zpool list", Args: append([]string{e.zpool}, cmdline.Pools...), Err: err}
		}
		pools = append(pools, p)
	}
	return pools, nil
}

// parsePool reads a line of zpool list -Hp with the columns of poolArgs.
// Columns of a pool that is not healthy may be "-".
func parsePool(line string) (Pool, error) {
	f := strings.Split(line, "\t")
	if len(f) != 8 {
		return Pool{}, fmt.Errorf("zpool list: %d columns in %q", len(f), line)
	}
	p := Pool{Name: f[0], Health: f[2], ReadOnly: f[7] == "on"}
	if f[6] != "-" {
		p.Altroot = f[6]
	}
	for i, n := range []*uint64{1: &p.GUID, 3: &p.Size, 4: &p.Allocated, 5: &p.Free} {
		if n == nil || f[i] == "-" {
			continue
		}
		var err error
		if *n, err = strconv.ParseUint(f[i], 10, 64); err != nil {
			return Pool{}, fmt.Errorf("zpool list: %q: %w", line, err)
		}
	}
	return p, nil
}
