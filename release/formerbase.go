package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/zfsstore"
)

// CopyBase sets aside the base that jails were cloned from as SOURCE/base/RELEASE-<time>.
// ZFS keeps it for the clones, and the jails that had them let it go: a start that
// replaces them, and a destroy.

// workTime is the form of the time in the names of workSnapshot.
const workTime = "20060102T150405.000Z"

// original returns the release whose base was set aside under the name of r, which is
// what a jail is given that is to stay on that base; otherwise r.
func (r *Release) original() *Release {
	base, at, ok := cutLast(r.name.Base(), "-")
	if _, err := time.Parse(workTime, at); !ok || err != nil {
		return r
	}
	return &Release{r.host, r.source, Name{base: base}}
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// FormerBases lists the mounted datasets SOURCE/base/RELEASE-<time> that CopyBase has set
// aside, in the order of their times. It starts no process.
func (r *Release) FormerBases(ctx context.Context) ([]string, error) {
	r = r.original()
	mounts, err := r.host.Mounts(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, m := range mounts {
		at, ok := strings.CutPrefix(m.From, r.BaseDataset()+"-")
		if _, err := time.Parse(workTime, at); ok && err == nil && m.Type == "zfs" {
			out = append(out, m.From)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// formerBaseWait is how long DropFormerBase waits for another operation on the release.
const formerBaseWait = 10 * time.Second

// DropFormerBase destroys one dataset of FormerBases, unless a dataset is a clone of it or
// a jail has its name as release, which the function named tells. What another program
// has made is left alone.
//
// Errors: ErrInUse (*host.ClonedError, *InUseError), ErrNotFormer, zfsstore.ErrNotFound,
// zfsstore.ErrHasChildren, host.ErrBusy while an operation on the release has not ended,
// *jailerr.HeldError, *zfsstore.Error.
func (r *Release) DropFormerBase(ctx context.Context, dataset string, named Dependants) error {
	r = r.original()
	wait, cancel := context.WithTimeout(ctx, formerBaseWait)
	defer cancel()
	unlock, err := r.host.Lock(wait, r.lockKey(), "destroy former base", host.BusyWait)
	if err != nil {
		return err
	}
	defer unlock()
	// An interrupted CopyBase puts its former base back.
	if _, err := os.Lstat(r.journal()); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%w on release %s was interrupted", host.ErrBusy, r.name), err)
	}
	by, err := step.Maker(ctx, step.Env{Host: r.host}, dataset)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(by, r.lockKey()+" ") {
		return fmt.Errorf("%w: %s", ErrNotFormer, dataset)
	}
	_, err = r.host.NoClones(ctx, dataset)
	if errors.Is(err, zfsstore.ErrHasDependents) {
		return fmt.Errorf("%w: %w", ErrInUse, err)
	}
	if err != nil {
		return err
	}
	name, err := ParseName(strings.TrimPrefix(dataset, r.source.Dataset+"/base/"))
	if err != nil {
		return err
	}
	jails, err := named(ctx, &Release{r.host, r.source, name})
	if err != nil {
		return err
	}
	if len(jails) > 0 {
		return &InUseError{Release: name.Base(), Jails: jails}
	}
	return step.Unmake(ctx, step.Env{Host: r.host}, dataset, by)
}

// ErrNotFormer: the dataset is not one that CopyBase made and set aside.
var ErrNotFormer = errors.New("not a former base of the release")
