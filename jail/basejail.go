package jail

import (
	"context"
	"path/filepath"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/release"
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
