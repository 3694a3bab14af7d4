package procgroup

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"sync"
)

// locks are the lock files that one operation holds.
type locks struct {
	mu    sync.Mutex
	files []*os.File
}

type locksKey struct{}

// WithLocks returns a context that knows the lock files which are taken under it,
// see [AddLock]. One that does already is returned as it is.
func WithLocks(ctx context.Context) context.Context {
	if _, ok := ctx.Value(locksKey{}).(*locks); ok {
		return ctx
	}
	return context.WithValue(ctx, locksKey{}, &locks{})
}

// AddLock tells a context of WithLocks that file holds a lock, until remove is
// called, which must be before file is closed.
func AddLock(ctx context.Context, file *os.File) (remove func()) {
	l, ok := ctx.Value(locksKey{}).(*locks)
	if !ok {
		return func() {}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.files = append(l.files, file)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.files = slices.DeleteFunc(l.files, func(f *os.File) bool { return f == file })
	}
}

// HoldsLocks reports whether any lock file is open under the context.
func HoldsLocks(ctx context.Context) bool { return len(lockFiles(ctx)) > 0 }

// PassLocks gives the program the lock files of its context, so that an flock(2)
// lasts as long as the program does, even if this process is killed. It is for
// trusted programs of the host only: who has the descriptor can unlock it.
func PassLocks(ctx context.Context, cmd *exec.Cmd) {
	cmd.ExtraFiles = append(cmd.ExtraFiles, lockFiles(ctx)...)
}

func lockFiles(ctx context.Context) []*os.File {
	l, ok := ctx.Value(locksKey{}).(*locks)
	if !ok {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.files)
}
