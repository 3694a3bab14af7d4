package plan

import (
	"errors"
	"fmt"

	"github.com/libioc/go-libioc/internal/atomicfile"
)

// ErrDamaged is a journal that cannot be understood: damaged, or of a version with
// other steps.
var ErrDamaged = errors.New("journal cannot be understood")

// DamagedError says where a journal that cannot be understood is now. Nothing was
// done about its operation, and nothing stands in the way of the next one.
type DamagedError struct {
	Path  string // where it was
	Aside string // where it is now
	Err   error  // why; wraps ErrDamaged
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%v; %s was set aside as %s", e.Err, e.Path, e.Aside)
}

// Unwrap returns the reason.
func (e *DamagedError) Unwrap() error { return e.Err }

// setAside renames a journal that cannot be understood. The caller holds the
// resource's lock.
func setAside(path string, cause error) error {
	aside, err := atomicfile.SetAside(path)
	if err != nil {
		return errors.Join(cause, err)
	}
	return &DamagedError{path, aside, cause}
}

// understood checks that every step of a journal can be run.
func (r Runner[E]) understood(j *Journal) error {
	steps := j.Header.Plan.Steps
	for i := range steps {
		if _, err := r.Kinds.action(&steps[i]); err != nil {
			return fmt.Errorf("journal %s: %w: %w", j.path, ErrDamaged, err)
		}
	}
	return nil
}
