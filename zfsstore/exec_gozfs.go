package zfsstore

import (
	"context"
	"errors"
	"os/exec"
	"time"

	zfs "github.com/mistifyio/go-zfs/v3"
)

// byLibrary has the operations that github.com/mistifyio/go-zfs runs. What runs
// an operation depends on nothing but the operation and its options:
//
//	destroy                    go-zfs
//	rollback                   go-zfs; zfs(8) with -R or -f, which go-zfs lacks
//	set                        go-zfs; zfs(8) for several properties at once
//	create, snapshot, clone,
//	rename, mount, unmount     zfs(8): go-zfs reads the dataset afterwards, which
//	                           is a second process, and lacks some options
//	promote, inherit, hold,
//	release, jail, unjail      zfs(8): go-zfs lacks them
//	get, list, zpool list      zfs(8): go-zfs rounds values, does not tell their
//	                           sources, and runs a process for each pool
//	send, receive              zfs(8): go-zfs cannot end a stream
//
// An [Exec] with a program of its own runs that for everything, because go-zfs
// finds zfs in PATH.
//
// go-zfs takes no context, and a change is better whole than killed half-way.
// When the context ends, the change has changeDelay more to end; its true result
// is returned then. After that the wait is over, and zfs(8) ends by itself.
//
// zfs(8) speaks the language of the environment there. An answer that is not
// understood is asked for once more in English: what was refused is refused
// again, and what was a passing failure is done.
var byLibrary = map[string]bool{"destroy": true, "rollback": true, "set": true}

// changeDelay is how long a change by go-zfs may go on after its context ended.
const changeDelay = 10 * time.Second

// tryLibrary makes a change by call, if go-zfs is what runs it.
func (e *Exec) tryLibrary(ctx context.Context, v invocation, call func() error) (done bool, err error) {
	if call == nil || !byLibrary[v.op] || e.zfs != "zfs" || ctx.Err() != nil {
		return false, nil
	}
	ended := make(chan error, 1)
	go func() { ended <- call() }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		select {
		case err = <-ended:
		case <-time.After(e.changeDelay):
			return true, v.failure(ctx, ctx.Err(), "")
		}
	}
	var theirs *zfs.Error // it has no Unwrap
	if !errors.As(err, &theirs) {
		return true, v.failure(context.WithoutCancel(ctx), err, "")
	}
	exit, ok := errors.AsType[*exec.ExitError](theirs.Err)
	if ok && exit.ExitCode() > 0 && classify(theirs.Stderr) == nil && ctx.Err() == nil {
		return false, nil // once more, in English
	}
	return true, v.failure(context.WithoutCancel(ctx), theirs.Err, theirs.Stderr[:min(len(theirs.Stderr), maxStderr)])
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
