package jail

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/fstab"
	"github.com/libioc/go-libioc/release"
)

// StorageBackend is how a jail's root file system is put together.
type StorageBackend string

// The storage backends of libioc.
const (
	Standalone     StorageBackend = "standalone" // the root is the jail's own
	NullFSBasejail StorageBackend = "nullfs"     // base directories are mounted read-only
	ZFSBasejail    StorageBackend = "zfs"        // base directories are cloned at every start
)

// StorageBackend returns how the jail's root is put together at the next start.
// It is asked of the configuration each time. ErrConfig for a basejail_type
// that is unknown.
func (j *Jail) StorageBackend() (StorageBackend, error) {
	eff := j.Effective()
	if !key.Basejail.Of(eff) {
		return Standalone, nil
	}
	for _, problem := range eff.Own.Problems() {
		if problem.Key == "basejail_type" {
			return "", fmt.Errorf("%w: %w", ErrConfig, problem)
		}
	}
	switch kind := key.BasejailType.Of(eff); kind {
	case "", "none", "nullfs":
		return NullFSBasejail, nil
	case "zfs":
		return ZFSBasejail, nil
	default:
		return "", fmt.Errorf("%w: basejail_type=%s", ErrConfig, kind)
	}
}

// Release returns the release that the configuration names. It need not be there.
// Errors: ErrConfig with *release.NameError for a jail without one, as one made
// from scratch is until it is set.
func (j *Jail) Release(ctx context.Context) (*release.Release, error) {
	rel, err := release.New(ctx, j.host, key.Release.Of(j.Effective()), j.source.Name)
	if err != nil {
		err = fmt.Errorf("%w: release: %w", ErrConfig, err)
	}
	return rel, err
}

// ReleaseSnapshot returns the snapshot, dataset@pN, that the release's name means
// now: the pinned patch level's, or the newest. Errors: release.ErrNotFetched,
// release.ErrSnapshotNotFound.
func (j *Jail) ReleaseSnapshot(ctx context.Context) (string, error) {
	rel, err := j.Release(ctx)
	if err != nil {
		return "", err
	}
	name, taken, err := rel.RootSnapshot(ctx)
	if err == nil && !taken {
		return "", fmt.Errorf("%w: %s has no snapshot", release.ErrSnapshotNotFound, rel.FullName())
	}
	return name, err
}

// Path returns where the jail's dataset is mounted; it contains configuration
// and fstab. Empty for a jail that does not exist.
func (j *Jail) Path() string { return j.state().path }

// Fstab reads the jail's fstab(5). A jail without one has an empty one. Root is
// set, so that destinations are compared as the host sees them.
func (j *Jail) Fstab(ctx context.Context) (*fstab.File, error) {
	j = j.still()
	data, err := j.readFstab()
	if err != nil {
		return nil, err
	}
	file := fstab.Parse(data)
	file.Root, err = j.RootPath(ctx)
	return file, err
}

// LaunchScriptDir returns where libioc kept scripts for jail(8). Neither libioc nor
// this library reads or writes there any more.
func (j *Jail) LaunchScriptDir() string { return filepath.Join(j.Path(), "launch-scripts") }

// HookScriptPath returns where libioc kept the script of a hook, "prestart".
func (j *Jail) HookScriptPath(hook string) string {
	return filepath.Join(j.LaunchScriptDir(), hook+".sh")
}

// ScriptEnvPath returns where libioc kept the variables of those scripts.
func (j *Jail) ScriptEnvPath() string { return filepath.Join(j.LaunchScriptDir(), ".env") }
