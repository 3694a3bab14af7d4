package plan

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

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

// begin starts the journal of a plan, and its mark: the mark is made when the header is
// on disk, and no step begins before.
func (r Runner[E]) begin(ctx context.Context, job Job[E], mark string, h Header) (*Journal, error) {
	h.ID, h.Marked = rand.Text(), mark != ""
	err := WriteFault(ctx)
	if err == nil {
		var j *Journal
		if j, err = Create(job.Journal, h); err == nil {
			j.lenient, j.writing = h.Plan.Repeatable, writing(ctx)
			j.marking = func(ctx context.Context) (string, error) {
				mark, err := job.markPath(ctx)
				return mark, errors.Join(err, setMark(mark, h.ID, r.durable(h.Plan.Steps)))
			}
			j.mark = mark
			if err = setMark(mark, h.ID, r.durable(h.Plan.Steps)); err == nil {
				return j, nil
			}
			err = errors.Join(err, j.Remove())
		}
	}
	if atomicfile.Unwritable(err) && h.Plan.Repeatable {
		return unwritten(h), nil
	}
	return nil, err
}

// markLate makes the mark of an operation that found nothing mounted to hold it, as soon
// as one of its steps has made that: the first create of a source makes its datasets.
func (j *Journal) markLate(ctx context.Context) (err error) {
	if j.mark != "" || j.marking == nil {
		return nil
	}
	j.mark, err = j.marking(ctx)
	return j.pass(err)
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

// live checks that the journal is of an operation that has not ended, of which boot is
// the present BootID. One without a mark, where nothing is mounted to hold it or from
// before there were marks, is believed only in the boot that it is of; what does not
// outlive that boot is gone by itself.
func (j *Journal) live(mark, boot string, durable bool) error {
	if j.over || !j.begun() { // an ended one says so itself
		j.mark = mark
		return nil
	}
	switch {
	case mark == "" && j.Header.Marked:
		return fmt.Errorf("journal %s: the pool of its mark is not mounted", j.path)
	case mark == "" || j.Header.ID == "":
		if durable && j.Header.Boot != boot {
			return fmt.Errorf("journal %s: %w: it has no mark, and the machine was started again", j.path, ErrEnded)
		}
		return nil
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

// begun reports whether a step had begun.
func (j *Journal) begun() bool {
	return slices.ContainsFunc(j.state, func(s stepState) bool { return s.phase != "" })
}

// unread says what becomes of a journal without a whole header. Where a mark is, steps
// had begun and the rest of the journal was lost; where none can be, nobody knows.
func (job Job[E]) unread(ctx context.Context, cause error) error {
	mark, err := job.markPath(ctx)
	if err != nil {
		return err
	}
	if job.Mark != nil {
		if mark != "" {
			_, err = os.Lstat(mark)
		}
		if err == nil {
			return fmt.Errorf("%w: %w", ErrDamaged, cause)
		}
	}
	return ignore.Err(err, fs.ErrNotExist)
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
		_ = removeMark(path) // one that stays has no journal, which the next recovery sees
	}
}
