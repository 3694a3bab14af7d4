package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
)

// Dependants names the jails that need a release without being its clones, which
// ZFS knows: basejails take their userland from it at each start.
// Package jail supplies it (jail.Dependants).
type Dependants func(ctx context.Context, r *Release) ([]string, error)

// InUseError names who needs a release. errors.Is(err, ErrInUse).
type InUseError struct {
	Release string
	Jails   []string
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("release %s: %v: by %s", e.Release, ErrInUse, strings.Join(e.Jails, ", "))
}

// Is reports whether target is ErrInUse.
func (e *InUseError) Is(target error) bool { return target == ErrInUse }

// CleanOptions say which releases are destroyed.
type CleanOptions struct {
	// Dependants is asked about each release; it is needed.
	Dependants Dependants
	// Keep are releases to keep though nothing depends on them, such as
	// "14.3-RELEASE".
	Keep []string
	Busy host.Busy
}

// CleanResult is what became of one release.
type CleanResult struct {
	Release *Release
	// Err is nil when it was destroyed. A release that is needed has ErrInUse
	// (an *InUseError, or a *host.ClonedError that names the clone), one that is
	// kept ErrKept.
	Err error
}

// ErrKept: the caller wanted the release kept.
var ErrKept = errors.New("release is kept")

// Clean destroys every release of every source that no jail needs. A release in
// use is left alone. Errors: ErrNoDependants, or the first one other than ErrInUse
// and ErrKept; the results tell about each release.
func Clean(ctx context.Context, h *host.Host, o CleanOptions) ([]CleanResult, error) {
	if o.Dependants == nil {
		return nil, ErrNoDependants
	}
	all, err := List(ctx, h)
	if err != nil {
		return nil, err
	}
	var out []CleanResult
	var result error
	for _, r := range all {
		err := ErrKept
		if !slices.Contains(o.Keep, r.FullName()) {
			err = events.Wait(context.WithoutCancel(ctx), r.Destroy(ctx, DestroyOptions{Dependants: o.Dependants, Busy: o.Busy}))
		}
		out = append(out, CleanResult{r, err})
		if err != nil && !errors.Is(err, ErrInUse) && !errors.Is(err, ErrKept) {
			result = errors.Join(result, err)
		}
	}
	return out, result
}

// ErrNoDependants: nobody says which jails need a release.
var ErrNoDependants = errors.New("no function that names dependants was given, see jail.Dependants")
