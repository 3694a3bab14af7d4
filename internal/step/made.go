package step

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/zfsstore"
)

// madeProperty is a user property that every dataset and snapshot gets when an
// operation makes it. It names the operation, so that undoing it after a crash
// destroys nothing that somebody else has made under the name in the meantime.
const madeProperty = "org.freebsd.ioc:made"

// Mark are the properties that a dataset is made with.
func Mark(by string) map[string]string {
	if by == "" {
		return nil
	}
	return map[string]string{madeProperty: by}
}

// Maker returns the operation that has made a dataset or snapshot. It is empty for what
// none of ours has made. Children and snapshots inherit the property, which makes them
// nobody's.
func Maker(ctx context.Context, e Env, name string) (by string, err error) {
	d, err := e.Host.Store.Get(ctx, name, zfsstore.GetOptions{Properties: []string{madeProperty}})
	if p := d.Properties[madeProperty]; err == nil && p.Source == zfsstore.SourceLocal {
		by = p.Value
	}
	return by, err
}

// Made reports whether a dataset or snapshot is there and is the one that the
// operation has made.
func Made(ctx context.Context, e Env, name, by string) (bool, error) {
	maker, err := Maker(ctx, e, name)
	// A name that cannot be was never made.
	return maker != "" && maker == by, ignore.Err(err, zfsstore.ErrNotFound, zfsstore.ErrInvalidName)
}

// Unmake destroys a dataset that the operation has made, with all below it. Errors:
// *jailerr.HeldError for one that is in use, zfsstore.ErrHasChildren for what somebody
// else has made below, and those of zfsstore.Store.Destroy.
func Unmake(ctx context.Context, e Env, name, by string) error {
	return unmake(ctx, e, name, by, false)
}

// firstMade remembers the fsid of a dataset that the operation has just made, and returns
// where it is mounted, if it is. Another dataset that somebody has put in its place since
// is jailerr.ErrReplaced.
func firstMade(ctx context.Context, e Env, c *plan.Call, dataset, by string) (path string, err error) {
	_, path, err = Located(ctx, e, c, dataset)
	if err != nil {
		return "", ignore.Err(err, host.ErrNotMounted)
	}
	ours, err := Made(ctx, e, dataset, by)
	if err == nil && !ours {
		err = fmt.Errorf("%s: %w", dataset, jailerr.ErrReplaced)
	}
	return path, err
}

// unmake destroys what the operation has made, and nothing else. Snapshots of a
// dataset that it has made, such as those of a periodic job, go with it; a dataset that
// somebody else has made below is zfsstore.ErrHasChildren, and so is any dataset below
// one that is shared. One that is shared and not empty stays.
func unmake(ctx context.Context, e Env, name, by string, shared bool) error {
	if strings.Contains(name, "@") {
		ours, err := madeSnapshots(ctx, e, name, by)
		if err != nil {
			return err
		}
		return destroySnapshots(ctx, e, ours, zfsstore.DestroyOptions{})
	}
	ours, err := Made(ctx, e, name, by)
	if err != nil || !ours {
		return err
	}
	guid, err := madeTree(ctx, e, name, by, shared)
	if err != nil {
		return ignore.Err(err, zfsstore.ErrNotFound)
	}
	if shared {
		return ignore.Err(destroyEmpty(ctx, e, name, guid), zfsstore.ErrNotFound, jailerr.ErrReplaced)
	}
	return ignore.Err(DestroyTree(ctx, e, name, guid), zfsstore.ErrNotFound, jailerr.ErrReplaced)
}

// DestroyMade destroys a dataset that the operation has made, with all below it. What
// stays in use is unmounted by force. Errors: zfsstore.ErrHasChildren for what somebody
// else has made below, and those of zfsstore.Store.Destroy.
func DestroyMade(ctx context.Context, e Env, name, by string) error {
	err := unmake(ctx, e, name, by, false)
	if _, held := errors.AsType[*jailerr.HeldError](err); !held {
		return err
	}
	guid, err := madeTree(ctx, e, name, by, false)
	if err != nil {
		return ignore.Err(err, zfsstore.ErrNotFound)
	}
	mounts, err := e.Host.Mounts(ctx)
	for _, m := range mountedTree(mounts, name) {
		err = errors.Join(err, UnmountOne(ctx, e, m, true))
	}
	if err != nil {
		return err
	}
	err = e.Host.Store.Destroy(ctx, name, zfsstore.DestroyOptions{Recursive: true, GUID: guid})
	return ignore.Err(err, zfsstore.ErrNotFound, zfsstore.ErrReplaced)
}

// madeTree returns the guid of a dataset if the operation has made it and all below it.
// Another one, or with alone any one below, is zfsstore.ErrHasChildren.
func madeTree(ctx context.Context, e Env, name, by string, alone bool) (guid uint64, err error) {
	below, err := e.Host.Store.List(ctx, name, zfsstore.ListOptions{
		Types:      []zfsstore.Type{zfsstore.Filesystem, zfsstore.Volume},
		Properties: []string{madeProperty},
	})
	for _, d := range below {
		if d.Name == name {
			guid = d.GUID
		}
		p := d.Properties[madeProperty]
		if p.Source != zfsstore.SourceLocal || p.Value != by || alone && d.Name != name {
			return 0, &zfsstore.Error{Op: "destroy", Dataset: name, Err: fmt.Errorf("%w: %s", zfsstore.ErrHasChildren, d.Name)}
		}
	}
	return guid, err
}

// destroyEmpty destroys a dataset that holds nothing but empty directories, on which
// others were mounted. One that somebody has written to stays, and stays mounted.
func destroyEmpty(ctx context.Context, e Env, name string, guid uint64) error {
	mounts, err := e.Host.Mounts(ctx)
	if _, mounted := mounts.FileSystem(name); err == nil && !mounted {
		// An interrupted run may have unmounted it.
		err = e.Host.Store.Mount(ctx, name)
		if err = ignore.Err(err, zfsstore.ErrMounted, zfsstore.ErrNoMountpoint, zfsstore.ErrJailed); err == nil {
			mounts, err = e.Host.Mounts(ctx)
		}
	}
	if err != nil {
		return err
	}
	m, mounted := mounts.FileSystem(name)
	if mounted {
		path, err := mounts.Mountpoint(name)
		if err == nil {
			err = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					err = fs.ErrExist
				}
				return err
			})
		}
		if err == nil {
			err = UnmountOne(ctx, e, m, false)
		}
		if now, merr := e.Host.Mounts(ctx); errors.Is(err, fs.ErrExist) || merr == nil && len(now.Below(path)) > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	err = e.Host.Store.Destroy(ctx, name, zfsstore.DestroyOptions{GUID: guid})
	if errors.Is(err, zfsstore.ErrReplaced) {
		err = fmt.Errorf("%w: %w", jailerr.ErrReplaced, err)
	}
	if err != nil && mounted {
		err = errors.Join(err, ignore.Err(e.Host.Store.Mount(ctx, name), zfsstore.ErrNotFound, zfsstore.ErrMounted))
	}
	return err
}

// madeSnapshots returns the snapshots of one name that the operation has made of a
// dataset and those below it, the deepest first. Others can have the name as well.
func madeSnapshots(ctx context.Context, e Env, name, by string) ([]GUIDOf, error) {
	dataset, snapshot, _ := strings.Cut(name, "@")
	all, err := e.Host.Store.List(ctx, dataset, zfsstore.ListOptions{
		Types: []zfsstore.Type{zfsstore.Snapshot}, Properties: []string{madeProperty},
	})
	if err != nil {
		return nil, ignore.Err(err, zfsstore.ErrNotFound, zfsstore.ErrInvalidName)
	}
	var ours []GUIDOf
	for _, d := range slices.Backward(all) {
		p := d.Properties[madeProperty]
		if strings.HasSuffix(d.Name, "@"+snapshot) && p.Source == zfsstore.SourceLocal && p.Value == by {
			ours = append(ours, GUIDOf{d.Name, d.GUID})
		}
	}
	return ours, nil
}

// foreign is the effect of a step that found its resource made by someone else.
type foreign struct {
	Foreign bool `json:"foreign"`
}
