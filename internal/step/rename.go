package step

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/pause"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/zfsstore"
)

// renaming is the effect of a step that renames a dataset, and of its undo.
type renaming struct {
	GUID uint64 `json:"guid"`
	// Mounted are the file systems of the dataset that were mounted before, in order;
	// their names without that of the dataset.
	Mounted []string `json:"mounted,omitempty"`
	// From, To and Began are of the zfs-rename(8) whose result nobody has looked at yet.
	From  string    `json:"from,omitempty"`
	To    string    `json:"to,omitempty"`
	Began time.Time `json:"began,omitzero"`
}

// lookLimit is how long it may take to look at what zfs-rename(8) has renamed, and to put
// it right, when the caller has given up.
const lookLimit = time.Minute

// renameOnce renames the dataset with this guid, with all below it, unless it has its new
// name already. It waits a while for file systems in use: zfs-rename(8) unmounts all of
// the tree without force, and mounts it again when one is busy. What stays in use is a
// *jailerr.HeldError.
//
// zfs(8) goes by the name, which somebody can have taken a moment ago. So what was
// renamed is looked at afterwards, and gets its name back if it is another, which is
// jailerr.ErrReplaced.
func renameOnce(ctx context.Context, e Env, c *plan.Call, from, to string, guid uint64) error {
	now := renaming{GUID: guid}
	c.Effect(&now)
	if err := now.look(ctx, e, c, false); err != nil {
		return err
	}
	began := false
	err := pause.While(ctx, zfsstore.ErrBusy, firstPause, patience, func(int) error {
		if err := sameGUID(ctx, e, from, guid); err != nil {
			return err
		}
		if !began {
			mounts, err := e.Host.Mounts(ctx)
			if err == nil {
				err = forget(c, from, to)
			}
			if err != nil {
				return err
			}
			now.see(mounts, from)
		}
		began = true
		now.From, now.To, now.Began = from, to, e.Host.Now()
		if err := c.SetEffect(now); err != nil {
			return err
		}
		return e.Host.Store.Rename(ctx, from, to, zfsstore.RenameOptions{})
	})
	if !began {
		if (errors.Is(err, zfsstore.ErrNotFound) || errors.Is(err, jailerr.ErrReplaced)) && sameGUID(ctx, e, to, guid) == nil {
			return now.mountAgain(ctx, e, to)
		}
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookLimit)
	defer cancel()
	if errors.Is(err, zfsstore.ErrBusy) {
		err = heldTree(ctx, e, from, err)
	}
	if lerr := now.look(ctx, e, c, err == nil); lerr != nil {
		return errors.Join(err, lerr)
	}
	if err != nil {
		return err
	}
	return now.mountAgain(ctx, e, to)
}

// undoRename gives the dataset its former name, if it is where it was renamed to.
func undoRename(ctx context.Context, e Env, c *plan.Call, from, to string, guid uint64) error {
	now := renaming{GUID: guid}
	c.Effect(&now)
	if err := now.look(ctx, e, c, false); err != nil {
		return err
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

// look looks at what zfs-rename(8) has renamed, of an interrupted run as well. It is done
// if that has succeeded; else the name may have been taken since by what somebody made.
func (r *renaming) look(ctx context.Context, e Env, c *plan.Call, done bool) error {
	if r.Began.IsZero() {
		return nil
	}
	d, err := e.Host.Store.Get(ctx, r.To, zfsstore.GetOptions{})
	another := err == nil && d.GUID != r.GUID
	if err = ignore.Err(err, zfsstore.ErrNotFound); err != nil {
		return err
	}
	if another && !done {
		_, err := e.Host.Store.Get(ctx, r.From, zfsstore.GetOptions{})
		free := errors.Is(err, zfsstore.ErrNotFound)
		if err != nil && !free {
			return err
		}
		another = free && !d.Creation.After(r.Began.Add(time.Second))
	}
	if another {
		err = errors.Join(
			fmt.Errorf("%s: %w: its guid is %d, not %d", r.From, jailerr.ErrReplaced, d.GUID, r.GUID),
			e.Host.Store.Rename(ctx, r.To, r.From, zfsstore.RenameOptions{}),
		)
	}
	r.From, r.To, r.Began = "", "", time.Time{}
	return errors.Join(err, c.SetEffect(*r))
}

// see notes what is mounted, the first time.
func (r *renaming) see(mounts host.MountTable, dataset string) {
	if r.Mounted != nil {
		return
	}
	for _, m := range mountedTree(mounts, dataset) {
		r.Mounted = append([]string{strings.TrimPrefix(m.From, dataset)}, r.Mounted...)
	}
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
