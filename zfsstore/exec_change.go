package zfsstore

import (
	"context"
	"io"
	"strings"

	"github.com/libioc/go-libioc/zfsstore/internal/cmdline"
)

// Create implements Store.
func (e *Exec) Create(ctx context.Context, name string, opts CreateOptions) error {
	args := cmdline.Create(opts).Args(name)
	if err := e.checkProperty("create", name, args, keysOf(opts.Properties)...); err != nil {
		return err
	}
	return e.change(ctx, "create", args, name)
}

// Destroy implements Store.
func (e *Exec) Destroy(ctx context.Context, name string, opts DestroyOptions) error {
	args := cmdline.Destroy(opts).Args(name)
	return e.changeBy(ctx, destroyCall(name, opts), "destroy", args, name)
}

// needSnapshot refuses a name without '@', to which zfs(8) answers with its
// usage text, or by doing something else.
func (e *Exec) needSnapshot(op, name string, args []string) error {
	if !strings.Contains(name, "@") {
		return &Error{
			Op: op, Dataset: name, Args: append([]string{e.zfs}, args...), ExitCode: 2, Err: ErrInvalidName,
			Stderr: "cannot " + op + " '" + name + "': missing '@' delimiter in snapshot name\n",
		}
	}
	return nil
}

// Snapshot implements Store.
func (e *Exec) Snapshot(ctx context.Context, name string, opts SnapshotOptions) error {
	args := cmdline.Snapshot(opts).Args(name)
	if err := e.needSnapshot("snapshot", name, args); err != nil {
		return err
	}
	if err := e.checkProperty("snapshot", name, args, keysOf(opts.Properties)...); err != nil {
		return err
	}
	return e.change(ctx, "snapshot", args, name)
}

// Rollback implements Store.
func (e *Exec) Rollback(ctx context.Context, snapshot string, opts RollbackOptions) error {
	args := cmdline.Rollback(opts).Args(snapshot)
	return e.changeBy(ctx, rollbackCall(snapshot, opts), "rollback", args, snapshot)
}

// Clone implements Store.
func (e *Exec) Clone(ctx context.Context, snapshot, target string, opts CloneOptions) error {
	args := cmdline.Clone(opts).Args(snapshot, target)
	if err := e.checkProperty("clone", target, args, keysOf(opts.Properties)...); err != nil {
		return err
	}
	return e.change(ctx, "clone", args, target, snapshot)
}

// Promote implements Store.
func (e *Exec) Promote(ctx context.Context, name string) error {
	return e.change(ctx, "promote", []string{"promote", name}, name)
}

// Rename implements Store.
func (e *Exec) Rename(ctx context.Context, from, to string, opts RenameOptions) error {
	return e.change(ctx, "rename", cmdline.Rename(opts).Args(from, to), from, to)
}

// Set implements Store.
func (e *Exec) Set(ctx context.Context, name string, properties map[string]string) error {
	if len(properties) == 0 {
		_, err := e.Get(ctx, name, GetOptions{}) // nothing to set, if it is there
		return err
	}
	args := cmdline.Set(name, properties)
	if err := e.checkName("set", name, args); err != nil {
		return err
	}
	if err := e.checkProperty("set", name, args, keysOf(properties)...); err != nil {
		return err
	}
	return e.changeBy(ctx, setCall(name, properties), "set", args, name)
}

// Inherit implements Store.
func (e *Exec) Inherit(ctx context.Context, name, property string, recursive bool) error {
	args := cmdline.Inherit(name, property, recursive)
	if err := e.checkProperty("inherit", name, args, property); err != nil {
		return err
	}
	return e.change(ctx, "inherit", args, name)
}

// Mount implements Store.
func (e *Exec) Mount(ctx context.Context, name string) error {
	return e.change(ctx, "mount", []string{"mount", name}, name)
}

// Unmount implements Store.
func (e *Exec) Unmount(ctx context.Context, name string, force bool) error {
	return e.change(ctx, "unmount", cmdline.Unmount(name, force), name)
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
	args := cmdline.Hold(op, snapshot, tag, recursive)
	if err := e.needSnapshot(op, snapshot, args); err != nil {
		return err
	}
	if tag == "" || tag[0] == '-' {
		return e.invalid(op, snapshot, args, ErrInvalidName, "invalid tag '%s'", tag)
	}
	return e.change(ctx, op, args, snapshot)
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
	args := []string{op, jail, dataset}
	if !e.canJail {
		return e.invalid(op, dataset, args, ErrUnsupported, "zfs %s is for FreeBSD", op)
	}
	if jail == "" || jail[0] == '-' {
		return e.invalid(op, dataset, args, ErrNoJail, "invalid jail id or name")
	}
	return e.change(ctx, op, args, dataset)
}

// Receive implements Store.
func (e *Exec) Receive(ctx context.Context, target string, r io.Reader, opts ReceiveOptions) error {
	args := cmdline.Receive(opts).Args(target)
	if err := e.checkName("receive", target, args); err != nil {
		return err
	}
	if err := e.checkProperty("receive", target, args, keysOf(opts.Properties)...); err != nil {
		return err
	}
	return e.run(ctx, invocation{program: e.zfs, op: "receive", dataset: target, args: args, input: r})
}
