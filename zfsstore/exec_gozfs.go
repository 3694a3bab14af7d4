package zfsstore

import (
	"context"
	"errors"
	"os"
	"os/exec"

	zfs "github.com/mistifyio/go-zfs/v3"
)

// What github.com/mistifyio/go-zfs does well enough: single operations that
// are one process there too. It takes no context, finds zfs in PATH and runs
// it in the language of the environment, so it is used where none of this
// matters; everything else runs zfs(8) itself. Its errors become ours here.

// byLibrary reports whether go-zfs runs the same command as run would.
func (e *Exec) byLibrary(ctx context.Context) bool {
	return e.zfs == "zfs" && ctx.Done() == nil && languageIsC()
}

// languageIsC reports whether messages are those that the words table knows.
func languageIsC() bool {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		switch os.Getenv(name) {
		case "":
			continue
		case "C", "POSIX", "C.UTF-8":
			return true
		}
		return false
	}
	return true
}

// destroyByLibrary destroys, if go-zfs will do.
func (e *Exec) destroyByLibrary(ctx context.Context, name string, opts DestroyOptions, args []string) (done bool, err error) {
	if !e.byLibrary(ctx) {
		return false, nil
	}
	flags := zfs.DestroyDefault
	for _, f := range []struct {
		on   bool
		flag int
	}{
		{opts.Recursive, zfs.DestroyRecursive},
		{opts.Dependents, zfs.DestroyRecursiveClones},
		{opts.Force, zfs.DestroyForceUmount},
		{opts.Defer, zfs.DestroyDeferDeletion},
	} {
		if f.on {
			flags |= zfs.DestroyFlag(f.flag)
		}
	}
	d := zfs.Dataset{Name: name}
	return true, e.convert("destroy", name, args, d.Destroy(flags))
}

// rollbackByLibrary rolls back, if go-zfs will do.
func (e *Exec) rollbackByLibrary(ctx context.Context, snapshot string, opts RollbackOptions, args []string) (done bool, err error) {
	if !e.byLibrary(ctx) || opts.Dependents || opts.Force {
		return false, nil
	}
	d := zfs.Dataset{Name: snapshot, Type: zfs.DatasetSnapshot}
	return true, e.convert("rollback", snapshot, args, d.Rollback(opts.Recent))
}

// setByLibrary sets a single property, if go-zfs will do.
func (e *Exec) setByLibrary(ctx context.Context, name string, properties map[string]string, args []string) (done bool, err error) {
	if !e.byLibrary(ctx) || len(properties) != 1 {
		return false, nil
	}
	d := zfs.Dataset{Name: name}
	for property, value := range properties {
		err = d.SetProperty(property, value)
	}
	return true, e.convert("set", name, args, err)
}

// convert makes our error of go-zfs's, which has no Unwrap.
func (e *Exec) convert(op, name string, args []string, err error) error {
	if err == nil {
		return nil
	}
	out := &Error{Op: op, Dataset: name, Args: append([]string{e.zfs}, args...), ExitCode: -1, Err: err}
	var theirs *zfs.Error
	if !errors.As(err, &theirs) {
		return out
	}
	out.Stderr = theirs.Stderr
	var exit *exec.ExitError
	if errors.As(theirs.Err, &exit) {
		out.ExitCode = exit.ExitCode()
	}
	out.Err = cause(theirs.Stderr, theirs.Err)
	return out
}
