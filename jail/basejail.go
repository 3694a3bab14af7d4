package jail

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/zfsstore"
)

// IsBasejail reports whether the base system comes from the release.
func (j *Jail) IsBasejail() bool { return key.Basejail.Of(j.Effective()) }

// basejailSteps give the jail the release's base directories at a start. The
// steps after are for when the jail is up: they take away what an earlier start
// has made, and nothing goes back from there.
func (j *Jail) basejailSteps(ctx context.Context) (up, after step.List) {
	backend, err := j.StorageBackend()
	if backend == ZFSBasejail {
		up.Fail(j.zfsBaseSteps(ctx, &up, &after))
		return up, after
	}
	if backend == NullFSBasejail {
		err = j.nullfsBaseSteps(ctx, &up)
	}
	up.Fail(err)
	after.Append(j.forgetBase(ctx))
	return up, after
}

// nullfsBaseSteps mounts the release's base directories read-only over the
// jail's own. The source is a snapshot, so an update of the release reaches the
// jail at its next start and not before. A release named without a patch level
// floats to its newest snapshot.
func (j *Jail) nullfsBaseSteps(ctx context.Context, l *step.List) error {
	rel, err := j.Release(ctx)
	if err != nil {
		return err
	}
	from, err := rel.SnapshotPath(ctx)
	args := step.Mounts{RootDataset: j.RootDataset()}
	for _, dir := range release.Basedirs() {
		args.Mounts = append(args.Mounts, step.Mount{
			Type: "nullfs", From: filepath.Join(from, dir), At: dir,
			Options: []kernel.MountOption{{Name: "ro"}},
			Make:    true, Optional: true,
		})
	}
	l.Add(step.MountBasejail{Mounts: args})
	return err
}

// ErrNoBase is a start of a jail with basejail_type=zfs whose release has no base
// datasets. [release.Release.CopyBase] makes them.
var ErrNoBase = errors.New("release has no base datasets, copy its base first")

// BaseDataset holds the clones of a jail with basejail_type=zfs:
// JAIL/basejail/usr/bin and so on. It is there once the jail was started, and
// stays until the next start or until the jail is destroyed.
func (j *Jail) BaseDataset() string { return j.Dataset() + "/basejail" }

// zfsBaseSteps clones the base datasets of the release and mounts the clones
// over the jail's own directories. They can be written to, and what was written
// is gone with the next start.
//
// libioc and iocage have the clones at JAIL/root/usr/bin, where zfs-mount(8)
// follows whatever symbolic link the jail has put in the way. Here they are
// beside the root, and nullfs(5) shows them in it, mounted as every file system
// of a jail is.
func (j *Jail) zfsBaseSteps(ctx context.Context, up, after *step.List) error {
	rel, err := j.Release(ctx)
	if err != nil {
		return err
	}
	root := rel.BaseDataset() + "/root"
	base, err := j.tree(ctx, root)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	dirs := slices.DeleteFunc(release.Basedirs(), func(dir string) bool {
		d, ok := base.find(root + "/" + dir)
		return !ok || d.Type != zfsstore.Filesystem
	})
	if len(dirs) == 0 {
		return fmt.Errorf("%w: %s", ErrNoBase, root)
	}
	if err := j.replaceBase(ctx, up, after); err != nil {
		return err
	}
	by := j.madeBy()
	snapshot, taken := base.baseSnapshot(root, dirs)
	if !taken {
		up.Add(step.Snapshot{Snapshot: root + "@" + snapshot, Recursive: true, Shared: true, Made: by})
	}
	up.Add(step.CreateDataset{
		Dataset: j.BaseDataset(), Made: by, Properties: map[string]string{step.BaseProperty: rel.FullName()},
	})
	holders := map[string]bool{".": true}
	clones := step.Clone{Made: by}
	mounts := step.Mounts{RootDataset: j.RootDataset()}
	for _, dir := range dirs {
		if parent := path.Dir(dir); !holders[parent] {
			holders[parent] = true
			up.Add(step.CreateDataset{Dataset: j.BaseDataset() + "/" + parent, Made: by})
		}
		clones.Clones = append(clones.Clones, step.CloneTarget{Snapshot: root + "/" + dir + "@" + snapshot, Target: j.BaseDataset() + "/" + dir})
		mounts.Mounts = append(mounts.Mounts, step.Mount{
			Type: "nullfs", From: filepath.Join(j.Path(), "basejail", dir), At: dir, Make: true,
		})
	}
	up.Add(clones, step.MountBasejail{Mounts: mounts})
	return nil
}

// baseSnapshot returns the newest snapshot that was taken of all base directories for
// jails, or the name for one. It is taken once: CopyBase makes new datasets.
func (t tree) baseSnapshot(root string, dirs []string) (name string, taken bool) {
	for _, s := range slices.Backward(t.snapshots(root)) {
		_, name, _ := strings.Cut(s.Name, "@")
		missing := func(dir string) bool {
			_, ok := t.find(root + "/" + dir + "@" + name)
			return !ok
		}
		if strings.HasPrefix(name, "ioc-base") && !slices.ContainsFunc(dirs, missing) {
			return name, true
		}
	}
	return t.freeName("ioc-base"), false
}

// replaceBase puts the clones of an earlier start aside, to be destroyed once
// the jail is up, so that a start that fails brings them back.
func (j *Jail) replaceBase(ctx context.Context, up, after *step.List) error {
	all, err := j.bases(ctx)
	if err != nil {
		return err
	}
	var clones []step.DropBase
	if now, there := all.find(j.BaseDataset()); there {
		if now.Properties[step.BaseProperty].Source != zfsstore.SourceLocal {
			return fmt.Errorf("%w: %s is in the way of the clones of the base", ErrExists, now.Name)
		}
		former := freeName(j.BaseDataset()+"-former", func(name string) bool {
			_, taken := all.find(name)
			return taken
		})
		up.Add(step.RenameDataset{From: now.Name, To: former, GUID: now.GUID})
		clones = append(clones, step.DropBase{Dataset: former, GUID: now.GUID})
	}
	clones = append(clones, all.clonesOfBase(j.BaseDataset())...)
	after.Append(j.dropBases(ctx, all, clones))
	return nil
}

// bases returns the datasets directly below the jail's.
func (j *Jail) bases(ctx context.Context) (tree, error) {
	sets, err := j.host.Store.List(ctx, j.Dataset(), zfsstore.ListOptions{
		Depth: 1, Types: []zfsstore.Type{zfsstore.Filesystem}, Properties: []string{step.BaseProperty},
	})
	if errors.Is(err, zfsstore.ErrNotFound) {
		err = fmt.Errorf("%w: %w", ErrNotFound, err) // destroyed in the meantime
	}
	return sets, err
}

// clonesOfBase are all clones of the base but those at one dataset.
func (t tree) clonesOfBase(but string) (clones []step.DropBase) {
	for _, d := range t {
		if d.Name != but && d.Properties[step.BaseProperty].Source == zfsstore.SourceLocal {
			clones = append(clones, step.DropBase{Dataset: d.Name, GUID: d.GUID})
		}
	}
	return clones
}

// forgetBase destroys the clones of a jail that is not a basejail of type zfs any
// more. The mount table reports whether it was one, so that no other start has to
// ask zfs(8).
func (j *Jail) forgetBase(ctx context.Context) ([]plan.Step, error) {
	mounts, err := j.mountTable(ctx)
	if err != nil {
		return nil, err
	}
	if _, there := mounts.Dataset(j.BaseDataset()); !there {
		return nil, nil
	}
	all, err := j.bases(ctx)
	if err != nil {
		return nil, err
	}
	return j.dropBases(ctx, all, all.clonesOfBase(""))
}

// basePrint returns what the steps of a start were made from that have to do with
// datasets and mounts: a plan is stale once another start has replaced them.
func basePrint(steps ...plan.Step) string {
	var text strings.Builder
	for _, s := range steps {
		switch s.Kind {
		case "rename dataset", "unmount what is left":
			text.Write(s.Args) // the guid or the fsids are in it
		case "snapshot", "create dataset", "clone", "destroy former base", stepDropBase{}.Kind():
			text.WriteString(s.Detail)
		}
	}
	return digest([]byte(text.String()))
}

// lasting returns the datasets that are the jail's own, without the clones of the
// base, of a tree that was read with baseProperty.
func (t tree) lasting() tree {
	return slices.DeleteFunc(slices.Clone(t), func(d zfsstore.Dataset) bool { return d.Properties[step.BaseProperty].Value != "" })
}
