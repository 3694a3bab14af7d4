package zfsstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/zfsstore/internal/cmdline"
)

// Get implements Store.
func (e *Exec) Get(ctx context.Context, name string, opts GetOptions) (Dataset, error) {
	c := e.command(name, cmdline.Get(opts).Args(name))
	if err := c.checkName(name); err != nil {
		return Dataset{}, err
	}
	found, _, err := c.read(ctx, name, opts.Properties)
	if err != nil {
		return Dataset{}, err
	}
	if len(found) != 1 {
		return Dataset{}, c.refuse(-1, ErrNotFound, "zfs get printed %d datasets", len(found))
	}
	return found[0], nil
}

// read runs zfs get and parses its output while it comes.
func (c command) read(ctx context.Context, only string, properties []string) (found []Dataset, needsCheck bool, err error) {
	for _, name := range properties {
		if err := c.checkProperty(name); err != nil {
			return nil, false, err
		}
	}
	p := newParser(only, properties)
	c.output = func(r io.Reader) (err error) {
		found, err = p.parse(r)
		return err
	}
	err = c.run(ctx)
	return found, p.needsCheck, err
}

// lines runs a command and returns the lines it prints.
func (c command) lines(ctx context.Context) (lines []string, err error) {
	c.output = func(r io.Reader) error {
		in := bufio.NewScanner(r)
		in.Buffer(nil, maxLine)
		for in.Scan() {
			lines = append(lines, in.Text())
		}
		return in.Err()
	}
	err = c.run(ctx)
	return lines, err
}

// List implements Store.
func (e *Exec) List(ctx context.Context, root string, opts ListOptions) ([]Dataset, error) {
	line := cmdline.List[Type](opts)
	c := command{program: e.zfs, op: "list", dataset: root, args: line.Args(root)}
	if root != "" {
		if err := c.checkName(root); err != nil {
			return nil, err
		}
	}
	found, needsCheck, err := c.read(ctx, "", opts.Properties)
	if err == nil && !needsCheck || err != nil && !errors.Is(err, errAmbiguous) {
		return found, err
	}
	c.args = line.Names(root)
	names, err := c.lines(ctx)
	if err != nil {
		return nil, err
	}
	if slices.EqualFunc(found, names, func(d Dataset, name string) bool { return d.Name == name }) {
		return found, nil
	}
	return e.readEach(ctx, names, opts)
}

// readEach reads datasets one by one: slow, but the properties of one dataset
// cannot be taken for another's.
func (e *Exec) readEach(ctx context.Context, names []string, opts ListOptions) ([]Dataset, error) {
	var found []Dataset
	for _, name := range names {
		d, err := e.Get(ctx, name, GetOptions{Properties: opts.Properties})
		if errors.Is(err, errAmbiguous) {
			// Its own user properties cannot be read; the others can.
			d, err = e.Get(ctx, name, GetOptions{})
		}
		if errors.Is(err, ErrNotFound) {
			continue // destroyed since
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
	c := command{program: e.zpool, op: "zpool list", args: cmdline.Pools}
	lines, err := c.lines(ctx)
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
			return nil, &Error{Op: c.op, Args: append([]string{e.zpool}, c.args...), Err: err}
		}
		pools = append(pools, p)
	}
	return pools, nil
}

// parsePool reads a line of cmdline.Pools. Columns of a pool that is not healthy
// may be "-".
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
