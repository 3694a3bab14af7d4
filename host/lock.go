package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/libioc/go-libioc/internal/atomicfile"
	"github.com/libioc/go-libioc/internal/procgroup"
)

// Busy says what an operation does if another one holds its lock.
type Busy uint8

// What to do when a resource is locked.
const (
	BusyFail Busy = iota // give up at once with *BusyError
	BusyWait             // wait as long as the context allows
	// BusyRecover gives up at once if the holder runs. If only zfs(8) of a holder that has
	// ended is at work, it waits for that, but no longer than Options.Settle;
	// then the error is ErrOrphaned and not ErrBusy.
	BusyRecover
)

// ErrBusy means that another operation is changing the resource. A *BusyError names
// it.
var ErrBusy = errors.New("another operation is running")

// ErrOrphaned means that the process that took a lock has ended, but a zfs(8) that it
// started is still at work, and holds the lock.
var ErrOrphaned = errors.New("the process has ended, and zfs(8) that it started is still at work")

// BusyError names who holds a lock.
type BusyError struct {
	Key    string
	Holder Holder // zero if it could not be read
	// Ended reports that the holder has ended, see ErrOrphaned.
	Ended bool
}

// Holder is the operation that holds a lock, as written in the lock file.
type Holder struct {
	PID       int       `json:"pid"`
	Operation string    `json:"operation"`
	Since     time.Time `json:"since"`
}

func (e *BusyError) Error() string {
	if e.Holder.PID == 0 {
		return fmt.Sprintf("%s: %v", e.Key, ErrBusy)
	}
	text := fmt.Sprintf("%s: %v: %s by process %d since %s", e.Key, ErrBusy,
		e.Holder.Operation, e.Holder.PID, e.Holder.Since.Format(time.RFC3339))
	if e.Ended {
		text += ": " + ErrOrphaned.Error()
	}
	return text
}

// Is makes errors.Is(err, ErrBusy) true, and errors.Is(err, ErrOrphaned) if Ended.
func (e *BusyError) Is(target error) bool {
	return target == ErrBusy || e.Ended && target == ErrOrphaned
}

// lockTable is for the goroutines of one process: flock(2) is about open files, and
// waiting for it would need a thread per waiter.
type lockTable struct {
	mu   sync.Mutex
	held map[string]*held
}

type held struct {
	holder Holder
	free   chan struct{} // closed on unlock
}

// Lock locks one resource, such as "ioc/jail/web", against other
// goroutines and other processes. The returned function releases it and must be
// called once. The lock ends with the process, however that ends, and with the last
// change of ZFS that it has begun.
//
// Lock files are the caller's alone: otherwise any user could hold a lock forever.
// Where a full disk has no room for one, one such lock at a time is taken without.
func (h *Host) Lock(ctx context.Context, key, operation string, busy Busy) (unlock func(), err error) {
	me := Holder{PID: os.Getpid(), Operation: operation, Since: h.Now()}
	release, err := h.locks.take(ctx, key, me, busy)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(h.opts.RunDir, filepath.FromSlash(key)+".lock")
	err = makePrivate(h.opts.RunDir, filepath.Dir(path))
	var file *os.File
	if err == nil {
		file, err = h.lockFile(ctx, path, key, busy)
	}
	if err != nil {
		release()
		return nil, err
	}
	writeHolder(file, me)
	remove := procgroup.AddLock(ctx, file)
	return func() {
		remove()
		unlockFile(file)
		release()
	}, nil
}

func (t *lockTable) take(ctx context.Context, key string, me Holder, busy Busy) (func(), error) {
	for {
		t.mu.Lock()
		other, taken := t.held[key]
		if !taken {
			mine := &held{holder: me, free: make(chan struct{})}
			if t.held == nil {
				t.held = map[string]*held{}
			}
			t.held[key] = mine
			t.mu.Unlock()
			return func() {
				t.mu.Lock()
				delete(t.held, key)
				t.mu.Unlock()
				close(mine.free)
			}, nil
		}
		t.mu.Unlock()
		if busy != BusyWait {
			return nil, &BusyError{Key: key, Holder: other.holder}
		}
		select {
		case <-other.free:
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), &BusyError{Key: key, Holder: other.holder})
		}
	}
}

// lockFile opens and locks the file, polling while another process has it: a
// blocking flock(2) could not be interrupted when the context ends.
func (h *Host) lockFile(ctx context.Context, path, key string, busy Busy) (*os.File, error) {
	pause, began := time.Millisecond, time.Now()
	for {
		file, err := tryLock(h.opts.RunDir, path)
		if err != nil || file != nil {
			return file, err
		}
		refused := &BusyError{Key: key, Holder: readHolder(path)}
		refused.Ended = ended(refused.Holder.PID)
		switch {
		case busy == BusyFail, busy == BusyRecover && !refused.Ended:
			return nil, refused
		case busy == BusyRecover && time.Since(began) > h.Settle():
			return nil, fmt.Errorf("%s: %s by process %d: %w", key, refused.Holder.Operation, refused.Holder.PID, ErrOrphaned)
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, 100*time.Millisecond)
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), refused)
		}
	}
}

// makePrivate makes a directory below top, and sees to it that nobody else can
// enter top, whoever made it.
func makePrivate(top, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil && !atomicfile.NoSpace(err) {
		return err
	}
	info, err := os.Stat(top)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return err
	}
	return os.Chmod(top, 0o700)
}

// writeHolder says in the file who holds it. That is for messages only, so a full
// disk does not keep anybody from working.
func writeHolder(file *os.File, me Holder) {
	if data, err := json.Marshal(me); err == nil && file.Truncate(0) == nil {
		_, _ = file.WriteAt(data, 0)
	}
}

func readHolder(path string) (who Holder) {
	if data, err := os.ReadFile(path); err == nil {
		_ = json.Unmarshal(data, &who) // half-written: the holder stays unknown
	}
	return who
}
