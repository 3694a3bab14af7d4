package zfsstore

import (
	"context"
	"errors"
	"os/exec"

	zfs "github.com/mistifyio/go-zfs/v3"

	"github.com/libioc/go-libioc/internal/procgroup"
)

// changeByLibrary makes a change by a call of go-zfs, which is nil if go-zfs lacks
// an option.
//
// What runs an operation depends on nothing but the operation and its options:
//
//	destroy                    go-zfs; zfs(8) with a guid, which go-zfs lacks
//	rollback                   go-zfs; zfs(8) with -R or -f, which go-zfs lacks
//	set                        go-zfs; zfs(8) for several properties at once
//	create, snapshot, clone,
//	rename, mount, unmount     zfs(8): go-zfs reads the dataset afterwards, which
//	                           is a second process, and lacks some options
//	promote, inherit, hold,
//	release, jail, unjail      zfs(8): go-zfs lacks them
//	get, list, zpool list      zfs(8): go-zfs rounds values, omits their sources,
//	                           and runs a process for each pool
//	send, receive              zfs(8): go-zfs cannot end a stream
//
// If [ExecOptions] name another program than zfs, that runs everything, because
// go-zfs always runs the zfs in PATH.
//
// Nor does it run what holds a lock: go-zfs cannot pass the lock's descriptor on.
//
// go-zfs takes no context. A change that exceeds ExecOptions.ChangeLimit is
// reported, and its zfs(8) is left to end by itself.
//
// Run by go-zfs, zfs(8) uses the language of the environment. If its message is not
// understood, the command is run once more in English: it is refused again, or a
// passing failure is over.
func (e *Exec) changeByLibrary(ctx context.Context, c command, properties map[string]string, call func() error) error {
	if call == nil || e.zfs != "zfs" || ctx.Err() != nil || procgroup.HoldsLocks(ctx) {
		return e.change(ctx, c, properties)
	}
	if err := c.check(properties); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- call() }()
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.limit)
	defer cancel()
	var err error
	select {
	case err = <-ended:
	case <-own.Done():
		return c.failure(own, own.Err(), "")
	}
	stderr := ""
	if theirs, ok := errors.AsType[*zfs.Error](err); ok { // it has no Unwrap
		stderr, err = theirs.Stderr[:min(len(theirs.Stderr), maxStderr)], theirs.Err
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if ok && exit.ExitCode() > 0 && classify(stderr) == nil {
		return c.run(own) // once more, in English
	}
	return c.failure(context.WithoutCancel(ctx), err, stderr)
}

func destroyCall(name string, opts DestroyOptions) func() error {
	flags := zfs.DestroyDefault
	for flag, on := range map[zfs.DestroyFlag]bool{
		zfs.DestroyRecursive:       opts.Recursive,
		zfs.DestroyRecursiveClones: opts.Dependents,
		zfs.DestroyForceUmount:     opts.Force,
		zfs.DestroyDeferDeletion:   opts.Defer,
	} {
		if on {
			flags |= flag
		}
	}
	return func() error { return (&zfs.Dataset{Name: name}).Destroy(flags) }
}

// rollbackCall returns nil for the options that go-zfs lacks.
func rollbackCall(snapshot string, opts RollbackOptions) func() error {
	if opts.Dependents || opts.Force {
		return nil
	}
	d := zfs.Dataset{Name: snapshot, Type: zfs.DatasetSnapshot}
	return func() error { return d.Rollback(opts.Recent) }
}

// setCall returns nil for several properties, which go-zfs sets one by one.
func setCall(name string, properties map[string]string) func() error {
	if len(properties) != 1 {
		return nil
	}
	return func() (err error) {
		for property, value := range properties {
			err = (&zfs.Dataset{Name: name}).SetProperty(property, value)
		}
		return err
	}
}
