package plan

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/libioc/go-libioc/internal/atomicfile"
	"github.com/libioc/go-libioc/internal/ignore"
)

// A mark is a small file in the pool of what an operation is about. It has the id of
// the operation that is running or was interrupted, and goes with the journal. The
// journal itself may come back: it is in a boot environment, of which an older one
// can be activated, or in a backup. Without its mark it is of an operation that has
// ended since, and nothing is undone or finished for it.

// ErrEnded is a journal of an operation that has ended.
var ErrEnded = errors.New("journal is of an operation that has ended")

// begin starts the journal of a plan, and its mark.
func (r Runner[E]) begin(ctx context.Context, job Job[E], mark string, h Header) (*Journal, error) {
	h.ID, h.Marked = rand.Text(), mark != ""
	var err error
	if f := writing(ctx); f != nil {
		err = f()
	}
	if err == nil {
		err = setMark(mark, h.ID, r.durable(h.Plan.Steps))
	}
	if err == nil {
		var j *Journal
		if j, err = Create(job.Journal, h); err == nil {
			j.mark, j.lenient, j.writing = mark, h.Plan.Repeatable, writing(ctx)
			return j, nil
		}
	}
	err = errors.Join(err, removeMark(mark))
	if atomicfile.NoSpace(err) && h.Plan.Repeatable {
		return unwritten(h), nil
	}
	return nil, err
}

func setMark(path, id string, sync bool) error {
	if path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if _, err := atomicfile.Clean(path); err != nil {
		return err
	}
	if sync {
		return atomicfile.Write(path, []byte(id), 0o600)
	}
	return os.WriteFile(path, []byte(id), 0o600)
}

func removeMark(path string) error {
	if path == "" {
		return nil
	}
	return removeFile(path)
}

func removeFile(path string) error { return ignore.Err(os.Remove(path), fs.ErrNotExist) }

// live checks that the journal is of an operation that has not ended.
func (j *Journal) live(mark string) error {
	if !j.Header.Marked || j.over { // an ended one says so itself
		return nil
	}
	if mark == "" {
		return fmt.Errorf("journal %s: the pool of its mark is not mounted", j.path)
	}
	id, err := os.ReadFile(mark)
	if err = ignore.Err(err, fs.ErrNotExist); err != nil {
		return err
	}
	if string(id) != j.Header.ID {
		return fmt.Errorf("journal %s: %w", j.path, ErrEnded)
	}
	j.mark = mark
	return nil
}

// markPath returns where the job's mark is; it is empty for a job without one.
func (job Job[E]) markPath(ctx context.Context) (string, error) {
	if job.Mark == nil {
		return "", nil
	}
	return job.Mark(ctx)
}

// forgetMark removes the mark of a journal that is given up, so that no copy of it is
// ever followed. Where the pool is not mounted the journal is given up all the same.
func (job Job[E]) forgetMark(ctx context.Context) {
	if path, err := job.markPath(ctx); err == nil {
		_ = removeMark(path)
	}
}
