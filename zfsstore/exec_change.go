package zfsstore

import (
	"context"

	"github.com/libioc/go-libioc/zfsstore/internal/cmdline"
)

// change makes a change after checking the names of the dataset, of the properties
// and others.
func (e *Exec) change(ctx context.Context, c command, properties map[string]string, others ...string) error {
	if err := c.check(properties); err != nil {
		return err
	}
	if err := c.checkName(others...); err != nil {
		return err
	}
	return e.complete(ctx, c)
}

// complete runs a change, which the end of ctx does not stop once it has begun.
func (e *Exec) complete(ctx context.Context, c command) error {
	if err := ctx.Err(); err != nil {
		return c.failure(ctx, err, "")
	}
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.limit)
	defer cancel()
	c.change = true
	return c.run(own)
}

// Create implements Store.
func (e *Exec) Create(ctx context.Context, name string, opts CreateOptions) error {
	return e.change(ctx, e.command(name, cmdline.Create(opts).Args(name)), opts.Properties)
}

// Destroy implements Store.
func (e *Exec) Destroy(ctx context.Context, name string, opts DestroyOptions) error {
	c := e.command(name, cmdline.Destroy(opts).Args(name))
	if opts.GUID != 0 {
		d, err := e.Get(ctx, name, GetOptions{})
		if err == nil && d.GUID != opts.GUID {
			err = c.refuse(-1, ErrNotFound, "its guid is %d, not %d", d.GUID, opts.GUID)
		}
		if err != nil {
			return err
		}
	}
	return e.changeByLibrary(ctx, c, nil, destroyCall(name, opts))
}

// Snapshot implements Store.
func (e *Exec) Snapshot(ctx context.Context, name string, opts SnapshotOptions) error {
	c := e.command(name, cmdline.Snapshot(opts).Args(name))
	if err := c.checkSnapshot(); err != nil {
		return err
	}
	return e.change(ctx, c, opts.Properties)
}

// Rollback implements Store.
func (e *Exec) Rollback(ctx context.Context, snapshot string, opts RollbackOptions) error {
	c := e.command(snapshot, cmdline.Rollback(opts).Args(snapshot))
	return e.changeByLibrary(ctx, c, nil, rollbackCall(snapshot, opts))
}

// Clone implements Store.
func (e *Exec) Clone(ctx context.Context, snapshot, target string, opts CloneOptions) error {
	return e.change(ctx, e.command(target, cmdline.Clone(opts).Args(snapshot, target)), opts.Properties, snapshot)
}

// Promote implements Store.
func (e *Exec) Promote(ctx context.Context, name string) error {
	return e.change(ctx, e.command(name, []string{"promote", name}), nil)
}

// Rename implements Store.
func (e *Exec) Rename(ctx context.Context, from, to string, opts RenameOptions) error {
	return e.change(ctx, e.command(from, cmdline.Rename(opts).Args(from, to)), nil, to)
}

// Set implements Store.
func (e *Exec) Set(ctx context.Context, name string, properties map[string]string) error {
	if len(properties) == 0 {
		_, err := e.Get(ctx, name, GetOptions{}) // refused if the dataset does not exist
		return err
	}
	return e.changeByLibrary(ctx, e.command(name, cmdline.Set(name, properties)), properties, setCall(name, properties))
}

// Inherit implements Store.
func (e *Exec) Inherit(ctx context.Context, name, property string, recursive bool) error {
	return e.change(ctx, e.command(name, cmdline.Inherit(name, property, recursive)), map[string]string{property: ""})
}

// Mount implements Store.
func (e *Exec) Mount(ctx context.Context, name string) error {
	return e.change(ctx, e.command(name, []string{"mount", name}), nil)
}

// Unmount implements Store.
func (e *Exec) Unmount(ctx context.Context, name string, force bool) error {
	return e.change(ctx, e.command(name, cmdline.Unmount(name, force)), nil)
}

// Hold implements Store.
func (e *Exec) Hold(ctx context.Context, snapshot, tag string, recursive bool) error {
	return e.hold(ctx, "hold", snapshot, tag, recursive)
}

// Release implements Store.
func (e *Exec) Release(ctx context.Context, snapshot, tag string, recursive bool) error {
	return e.hold(ctx, "release", snapshot, tag, recursive)
}

func (e *Exec) hold(ctx context.Context, op, snapshot, tag string, recursive bool) error {
	c := e.command(snapshot, cmdline.Hold(op, snapshot, tag, recursive))
	if err := c.checkSnapshot(); err != nil {
		return err
	}
	if tag == "" || tag[0] == '-' {
		return c.refuse(-1, ErrInvalidName, "invalid tag '%s'", tag)
	}
	return e.complete(ctx, c)
}

// Jail implements Store.
func (e *Exec) Jail(ctx context.Context, jail, dataset string) error {
	return e.delegate(ctx, "jail", jail, dataset)
}

// Unjail implements Store.
func (e *Exec) Unjail(ctx context.Context, jail, dataset string) error {
	return e.delegate(ctx, "unjail", jail, dataset)
}

func (e *Exec) delegate(ctx context.Context, op, jail, dataset string) error {
	c := e.command(dataset, []string{op, jail, dataset})
	if !e.canJail {
		return c.refuse(-1, ErrUnsupported, "zfs %s is for FreeBSD", op)
	}
	if jail == "" || jail[0] == '-' {
		return c.refuse(-1, ErrNoJail, "invalid jail id or name")
	}
	return e.change(ctx, c, nil)
}
