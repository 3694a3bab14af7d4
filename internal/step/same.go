package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strconv"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// Between the planning of a step and its effect, and more so between a crash and the
// recovery, an administrator may have destroyed, renamed or replaced what the step is
// about. So each step proves at the moment of acting that a name still means what it
// meant: a mounted dataset by the fsid of its file system, which costs no process, any
// dataset by its guid, and a jail by its identity.

// Seen is what a plan has seen: those of the datasets that are mounted.
func Seen(mounts host.MountTable, datasets ...string) map[string]string {
	seen := map[string]string{}
	for _, name := range datasets {
		if m, ok := mounts.FileSystem(name); ok {
			seen[name] = m.FSID.String()
		}
	}
	return seen
}

// Located returns the mount table and where a dataset is mounted in it. Errors:
// host.ErrNotMounted, and jailerr.ErrReplaced for another dataset than the operation
// began with.
func Located(ctx context.Context, e Env, c *plan.Call, dataset string) (host.MountTable, string, error) {
	mounts, err := e.Host.Mounts(ctx)
	if err != nil {
		return nil, "", err
	}
	path, err := mounts.Mountpoint(dataset)
	if err != nil {
		return mounts, "", err
	}
	return mounts, path, sameMounted(mounts, c, dataset)
}

// sameMounted returns jailerr.ErrReplaced for a mounted dataset that is not the one
// that the operation began with.
func sameMounted(mounts host.MountTable, c *plan.Call, dataset string) error {
	m, ok := mounts.FileSystem(dataset)
	if !ok {
		return nil
	}
	return sameAs(c, dataset, dataset, m.FSID.String())
}

// sameAs returns jailerr.ErrReplaced for a dataset with another identity than what was
// first seen under a key.
func sameAs(c *plan.Call, dataset, key, id string) error {
	same, err := c.Same(key, id)
	if err == nil && !same {
		err = fmt.Errorf("%s: %w", dataset, jailerr.ErrReplaced)
	}
	return err
}

// sameParent returns jailerr.ErrReplaced if the dataset that another is to be made in is
// not the one that the operation began with.
func sameParent(ctx context.Context, e Env, c *plan.Call, dataset string) error {
	mounts, err := e.Host.Mounts(ctx)
	if err != nil {
		return err
	}
	return sameMounted(mounts, c, path.Dir(dataset))
}

// sameGUID returns jailerr.ErrReplaced for a dataset or snapshot that has another guid,
// and zfsstore.ErrNotFound for one that does not exist.
func sameGUID(ctx context.Context, e Env, name string, guid uint64) error {
	d, err := e.Host.Store.Get(ctx, name, zfsstore.GetOptions{})
	if err == nil && d.GUID != guid {
		err = fmt.Errorf("%s: %w: its guid is %d, not %d", name, jailerr.ErrReplaced, d.GUID, guid)
	}
	return err
}

// firstGUID is sameGUID for a dataset whose guid no step knows: the first look counts.
func firstGUID(c *plan.Call, d zfsstore.Dataset) error {
	return sameAs(c, d.Name, guidOf(d.Name), strconv.FormatUint(d.GUID, 10))
}

// guidOf is the name under which a dataset's guid is remembered, beside its fsid.
func guidOf(dataset string) string { return "guid:" + dataset }

// forget is called before datasets get other names.
func forget(c *plan.Call, datasets ...string) error {
	for _, name := range datasets {
		if err := c.Forget(name, guidOf(name)); err != nil {
			return err
		}
	}
	return nil
}

// endChanged ends an operation that would lose what somebody else has written.
func endChanged(c *plan.Call, err error) error {
	if errors.Is(err, jailerr.ErrChanged) {
		c.End(err.Error())
	}
	return err
}

// LeaveReplaced skips a step that would undo or finish something where somebody else's
// dataset is now.
func LeaveReplaced(c *plan.Call, err error) error {
	if errors.Is(err, jailerr.ErrReplaced) {
		c.Skip(err.Error())
		return nil
	}
	return err
}

// SeenJail adds to what a plan has seen: a running jail.
func SeenJail(seen map[string]string, id kernel.Identity) {
	if !id.IsZero() {
		name, identity := jailSeen(id)
		seen[name] = identity
	}
}

func jailSeen(id kernel.Identity) (name, identity string) {
	data, err := json.Marshal(id)
	if err != nil {
		panic(err) // two numbers and a name
	}
	return "jail:" + id.Name, string(data)
}

// firstJail remembers the jail that the operation has made.
func firstJail(c *plan.Call, id kernel.Identity) error {
	_, err := c.Same(jailSeen(id))
	return err
}

// seenJail finds the running jail of a name, as find does. One that is not the jail
// that the operation began with, or has made, does not run.
func seenJail(ctx context.Context, e Env, c *plan.Call, name string) (id kernel.Identity, there bool, err error) {
	id, there, err = find(ctx, e, name)
	if err != nil || !there {
		return kernel.Identity{}, false, err
	}
	same, err := c.Same(jailSeen(id))
	if err != nil || !same {
		return kernel.Identity{}, false, err
	}
	return id, true, nil
}

// othersJail reports whether a jail runs under the name of one that has ended, or does not
// run yet: it is another's. Its rules and addresses are left alone.
func othersJail(ctx context.Context, e Env, c *plan.Call, name string) (bool, error) {
	id, there, err := find(ctx, e, name)
	if there {
		c.Skip(fmt.Sprintf("%s runs", id))
	}
	return there, err
}
