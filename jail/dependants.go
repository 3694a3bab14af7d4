package jail

import (
	"context"
	"errors"
	"strings"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/zfsstore"
)

// ErrDependants: something else was cloned from what is to be destroyed. A
// *DependantsError names all of it.
var ErrDependants = errors.New("has dependent clones")

// Dependant is a dataset that was cloned from a snapshot.
type Dependant struct {
	Dataset  string // such as "zroot/iocage/jails/copy/root"
	Snapshot string // of what it was cloned, "dataset@name"
}

// DependantsError names everything that keeps a jail, a snapshot or a dataset
// from being destroyed. Promote of the cloned jail, or its destruction, makes
// the way free. errors.Is(err, ErrDependants) and (err,
// zfsstore.ErrHasDependents); errors.As finds a *host.ClonedError for the first.
type DependantsError struct {
	Of         string // what was to be destroyed
	Dependants []Dependant
}

func (e *DependantsError) Error() string {
	var names []string
	for _, d := range e.Dependants {
		names = append(names, d.Dataset+" of "+d.Snapshot)
	}
	return e.Of + ": " + ErrDependants.Error() + ": " + strings.Join(names, ", ")
}

// Is makes the error an ErrDependants and a zfsstore.ErrHasDependents.
func (e *DependantsError) Is(target error) bool {
	return target == ErrDependants || target == zfsstore.ErrHasDependents
}

// As finds the first clone as a *host.ClonedError.
func (e *DependantsError) As(target any) bool {
	p, ok := target.(**host.ClonedError)
	if ok && len(e.Dependants) > 0 {
		*p = &host.ClonedError{Clone: e.Dependants[0].Dataset, Snapshot: e.Dependants[0].Snapshot}
	}
	return ok && len(e.Dependants) > 0
}

// Dependants names the jails that need a release though ZFS does not know of
// it: its basejails, whatever the patch level. A jail of that source whose
// configuration cannot be read counts as one, since it may be.
func Dependants(h *host.Host) release.Dependants {
	return func(ctx context.Context, r *release.Release) ([]string, error) {
		var out []string
		for j, err := range List(ctx, h) {
			if j == nil {
				return nil, err
			}
			if j.source.Name != r.Source().Name {
				continue
			}
			if err != nil || j.needs(r) {
				out = append(out, j.FullName())
			}
		}
		return out, nil
	}
}

func (j *Jail) needs(r *release.Release) bool {
	eff := j.Effective()
	if !key.Basejail.Of(eff) {
		return false // ZFS knows of clones
	}
	name, err := release.ParseName(strings.TrimSpace(key.Release.Of(eff)))
	return err != nil || name.Base() == r.Name().Base()
}
