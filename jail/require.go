package jail

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/zfsstore"
)

// RequireExisting is ErrNotFound unless the jail's dataset exists; one that is
// not mounted is host.ErrNotMounted (libioc: require_jail_existing).
func (j *Jail) RequireExisting(ctx context.Context) error {
	j = j.still()
	_, err := j.host.Mountpoint(ctx, j.Dataset())
	if errors.Is(err, host.ErrNotMounted) {
		return missing(ctx, j.host, []host.Source{j.source}, j.Name())
	}
	return err
}

// RequireNotExisting is ErrExists if the jail's dataset exists, mounted or not
// (libioc: require_jail_not_existing).
func (j *Jail) RequireNotExisting(ctx context.Context) error {
	_, err := j.host.Store.Get(ctx, j.Dataset(), zfsstore.GetOptions{})
	switch {
	case err == nil:
		return ErrExists
	case errors.Is(err, zfsstore.ErrNotFound):
		return nil
	}
	return err
}

// RequireStopped is ErrRunning if the jail runs (libioc: require_jail_stopped).
func (j *Jail) RequireStopped(ctx context.Context) error {
	running, err := j.Running(ctx)
	if err == nil && running {
		return ErrRunning
	}
	return err
}

// RequireRunning is ErrNotRunning unless the jail runs (libioc:
// require_jail_running).
func (j *Jail) RequireRunning(ctx context.Context) error {
	_, err := j.Identity(ctx)
	return err
}

// RequireTemplate is ErrNotTemplate unless the jail is a template (libioc:
// require_jail_is_template).
func (j *Jail) RequireTemplate() error {
	if !key.Template.Of(j.Effective()) {
		return ErrNotTemplate
	}
	return nil
}

// RequireNotTemplate is ErrTemplate if the jail is a template (libioc:
// require_jail_not_template).
func (j *Jail) RequireNotTemplate() error {
	if key.Template.Of(j.Effective()) {
		return ErrTemplate
	}
	return nil
}

// RequireHostID is ErrHostID if hostid_strict_check is on and the jail belongs
// to another host (libioc: require_jail_match_hostid, hostid_check_ok). UUIDs
// are compared whatever their spelling.
func (j *Jail) RequireHostID(ctx context.Context) error {
	eff := j.Effective()
	if !key.HostIDStrictCheck.Of(eff) {
		return nil
	}
	uuid, err := j.hostUUID(ctx)
	if err != nil {
		return err
	}
	if id := key.HostID.Of(eff); id != "" && !sameUUID(id, uuid) {
		return fmt.Errorf("%w: %s, not %s", ErrHostID, id, uuid)
	}
	return nil
}

// RequireStorageBackend is ErrConfig for a basejail_type that is unknown
// (libioc: require_storage_backend).
func (j *Jail) RequireStorageBackend() error {
	_, err := j.StorageBackend()
	return err
}

// requireRoot refuses a jail that has no root at all, as an empty one. ZFS is
// asked only when none is mounted.
func (j *Jail) requireRoot(ctx context.Context) error {
	mounts, err := j.mountTable(ctx)
	if err != nil {
		return err
	}
	if _, ok := mounts.Dataset(j.RootDataset()); ok {
		return nil
	}
	_, err = j.host.Store.Get(ctx, j.RootDataset(), zfsstore.GetOptions{})
	if !errors.Is(err, zfsstore.ErrNotFound) {
		return err // one that is not mounted is told where it is needed
	}
	if _, err := os.Lstat(j.journal()); err == nil {
		return fmt.Errorf("%w: %s", host.ErrNotMounted, j.RootDataset()) // it is just being made, or destroyed
	}
	if _, err := j.host.Store.Get(ctx, j.Dataset(), zfsstore.GetOptions{}); errors.Is(err, zfsstore.ErrNotFound) {
		return ErrNotFound
	}
	return fmt.Errorf("%w: the jail is empty: there is no dataset %s", ErrConfig, j.RootDataset())
}
