package step

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/pause"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/zfsstore"
)

// zfs-rename(8) goes by the name, which somebody can have taken a moment ago. So a dataset
// is renamed in two steps, with a name in between that is of its guid and nobody else
// uses: what has that name has come from the old one. Another dataset than ours goes
// back; ours goes on, or back, and nobody can be in its place.

// renaming is the effect of a step that renames a dataset, and of its undo.
type renaming struct {
	GUID uint64 `json:"guid"`
	// Mounted are the file systems of the dataset that were mounted before, in order;
	// their names without that of the dataset.
	Mounted []string `json:"mounted,omitempty"`
	// From is the name that the dataset last had, or that it has.
	From string `json:"from,omitempty"`
}

// between is the name that a dataset has while it is renamed.
func between(to string, guid uint64) string {
	return path.Dir(to) + "/." + strconv.FormatUint(guid, 10)
}

// lookLimit is how long it may take to end a rename, or to put it right, when the caller
// has given up.
const lookLimit = time.Minute

// renameOnce renames the dataset with this guid, with all below it, unless it has its new
// name already. From and to have one parent. It waits a while for file systems in use:
// zfs-rename(8) unmounts all of the tree without force, and mounts it again when one is
// busy. What stays in use is a *jailerr.HeldError. Somebody else's dataset in its place
// is jailerr.ErrReplaced.
func renameOnce(ctx context.Context, e Env, c *plan.Call, from, to string, guid uint64) error {
	now := renaming{GUID: guid}
	half := false
	if c.Effect(&now) {
		var err error
		if half, err = now.half(ctx, e, to); err != nil {
			return err
		}
	}
	if !half {
		err := now.begin(ctx, e, c, from, to)
		if (errors.Is(err, zfsstore.ErrNotFound) || errors.Is(err, jailerr.ErrReplaced)) && sameGUID(ctx, e, to, guid) == nil {
			return now.mountAgain(ctx, e, to)
		}
		if err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookLimit)
	defer cancel()
	return now.end(ctx, e, from, to)
}

// undoRename gives the dataset its former name, if it is where it was renamed to.
func undoRename(ctx context.Context, e Env, c *plan.Call, from, to string, guid uint64) error {
	now := renaming{GUID: guid}
	if c.Effect(&now) {
		half, err := now.half(ctx, e, to)
		if err != nil {
			return err
		}
		if half {
			return now.end(ctx, e, to, from)
		}
	}
	err := sameGUID(ctx, e, to, guid)
	if err == nil {
		return renameOnce(ctx, e, c, to, from, guid)
	}
	err = ignore.Err(err, zfsstore.ErrNotFound, jailerr.ErrReplaced)
	if err == nil && len(now.Mounted) > 0 && sameGUID(ctx, e, from, guid) == nil {
		return now.mountAgain(ctx, e, from)
	}
	return err
}

// half reports whether the dataset has its name in between, which an interrupted run has
// left. Another dataset there gets its name back.
func (r *renaming) half(ctx context.Context, e Env, to string) (bool, error) {
	d, err := e.Host.Store.Get(ctx, between(to, r.GUID), zfsstore.GetOptions{})
	if err != nil {
		return false, ignore.Err(err, zfsstore.ErrNotFound)
	}
	if d.GUID == r.GUID {
		return true, nil
	}
	return false, errors.Join(
		fmt.Errorf("%s: %w: its guid is %d, not %d", r.From, jailerr.ErrReplaced, d.GUID, r.GUID),
		e.Host.Store.Rename(ctx, d.Name, r.From, zfsstore.RenameOptions{}),
	)
}

// begin gives the dataset its name in between.
func (r *renaming) begin(ctx context.Context, e Env, c *plan.Call, from, to string) error {
	if err := sameGUID(ctx, e, from, r.GUID); err != nil {
		return err
	}
	mounts, err := e.Host.Mounts(ctx)
	if err == nil {
		err = forget(c, from, to)
	}
	if err == nil {
		err = r.see(c, mounts, from, to)
	}
	if err != nil {
		return err
	}
	r.From = from
	if err := c.SetEffect(*r); err != nil {
		return err
	}
	err = renameFree(ctx, e, from, between(to, r.GUID))
	// It may have been done though it was cut off.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookLimit)
	defer cancel()
	half, lerr := r.half(ctx, e, to)
	switch {
	case half && err != nil:
		lerr = r.end(ctx, e, to, from)
	case !half && err == nil && lerr == nil:
		err = sameGUID(ctx, e, from, r.GUID) // somebody has moved it since
	}
	return errors.Join(err, lerr)
}

// end gives the dataset with the name in between its new name, or the old one if that
// cannot be.
func (r *renaming) end(ctx context.Context, e Env, from, to string) error {
	half := between(to, r.GUID)
	err := renameFree(ctx, e, half, to)
	if err == nil {
		return r.mountAgain(ctx, e, to)
	}
	if back := renameFree(ctx, e, half, from); back != nil {
		return fmt.Errorf("%w; %s stays: %w", err, half, back)
	}
	return errors.Join(err, r.mountAgain(ctx, e, from))
}

// renameFree renames a dataset once its file systems are not in use.
func renameFree(ctx context.Context, e Env, from, to string) error {
	err := pause.While(ctx, zfsstore.ErrBusy, firstPause, patience, func(int) error {
		return e.Host.Store.Rename(ctx, from, to, zfsstore.RenameOptions{})
	})
	if errors.Is(err, zfsstore.ErrBusy) {
		err = heldTree(ctx, e, from, err)
	}
	return err
}

// see notes what is mounted, the first time, and which file systems are to have the new
// names: they keep their fsids.
func (r *renaming) see(c *plan.Call, mounts host.MountTable, from, to string) error {
	tree := mountedTree(mounts, from)
	for _, m := range tree {
		if err := sameAs(c, m.From, to+strings.TrimPrefix(m.From, from), m.FSID.String()); err != nil {
			return err
		}
	}
	if r.Mounted != nil {
		return nil
	}
	for _, m := range tree {
		r.Mounted = append([]string{strings.TrimPrefix(m.From, from)}, r.Mounted...)
	}
	return nil
}

// mountAgain mounts what zfs(8) has unmounted and, because it was killed, has not mounted
// again.
func (r *renaming) mountAgain(ctx context.Context, e Env, dataset string) error {
	mounts, err := e.Host.Mounts(ctx)
	if err != nil {
		return err
	}
	for _, below := range r.Mounted {
		if _, ok := mounts.Dataset(dataset + below); !ok {
			err = errors.Join(err, ignore.Err(e.Host.Store.Mount(ctx, dataset+below), zfsstore.ErrNotFound, zfsstore.ErrMounted))
		}
	}
	return err
}
