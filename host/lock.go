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
)

// Busy says what an operation does if another one holds its lock.
type Busy uint8

// What to do when a resource is locked.
const (
	BusyFail Busy = iota // give up at once with *BusyError
	BusyWait             // wait as long as the context allows
)

// ErrBusy means that another operation is changing the resource. A *BusyError names
// it.
var ErrBusy = errors.New("another operation is running")

// BusyError names who holds a lock.
type BusyError struct {
	Key    string
	Holder Holder // zero if it could not be read
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
	return fmt.Sprintf("%s: %v: %s by process %d since %s", e.Key, ErrBusy,
		e.Holder.Operation, e.Holder.PID, e.Holder.Since.Format(time.RFC3339))
}

// Is makes errors.Is(err, ErrBusy) true.
func (e *BusyError) Is(target error) bool { return target == ErrBusy }

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
// called once. The lock ends with the process, however that ends.
//
// Lock files are the caller's alone: otherwise any user could hold a lock forever.
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
		file, err = lockFile(ctx, path, key, busy)
	}
	if err != nil {
		release()
		return nil, err
	}
	writeHolder(file, me)
	return func() {
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
		if busy == BusyFail {
			return nil, &BusyError{key, other.holder}
		}
		select {
		case <-other.free:
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), &BusyError{key, other.holder})
		}
	}
}

// lockFile opens and locks the file, polling while another process has it: a
// blocking flock(2) could not be interrupted when the context ends.
func lockFile(ctx context.Context, path, key string, busy Busy) (*os.File, error) {
	pause := time.Millisecond
	for {
		file, err := tryLock(path)
		if err != nil || file != nil {
			return file, err
		}
		refused := &BusyError{Key: key, Holder: readHolder(path)}
		if busy == BusyFail {
			return nil, refused
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
	if err := os.MkdirAll(dir, 0o700); err != nil {
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
