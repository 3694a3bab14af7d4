package plan

import (
	"errors"
	"fmt"

	"github.com/libioc/go-libioc/internal/atomicfile"
)

// ErrDamaged is a journal that cannot be understood: damaged, of a version with other
// steps, or a copy of another resource's.
var ErrDamaged = errors.New("journal cannot be understood")

// DamagedError says where a journal is now that cannot be understood, is of an
// operation that has ended, or of one of which something is left that no later run can
// do or undo. Nothing stands in the way of the next operation.
type DamagedError struct {
	Path  string // where it was
	Aside string // where it is now
	Err   error  // why; wraps ErrDamaged or ErrEnded, or is what was left
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%v; %s was set aside as %s", e.Err, e.Path, e.Aside)
}

// Unwrap returns the reason.
func (e *DamagedError) Unwrap() error { return e.Err }

// setAside renames a journal that nobody can go on with. The caller holds the
// resource's lock.
func setAside(path string, cause error) error {
	aside, err := atomicfile.SetAside(path)
	if err != nil {
		return errors.Join(cause, err)
	}
	return &DamagedError{path, aside, cause}
}

// understood checks that a journal is of the resource with this key, and that every
// step of it can be run.
func (r Runner[E]) understood(j *Journal, key string) error {
	if j.Header.Key != key {
		return fmt.Errorf("journal %s: %w: it is of %s", j.path, ErrDamaged, j.Header.Key)
	}
	steps := j.Header.Plan.Steps
	for i := range steps {
		if _, err := r.Kinds.action(&steps[i]); err != nil {
			return fmt.Errorf("journal %s: %w: %w", j.path, ErrDamaged, err)
		}
	}
	return nil
}
