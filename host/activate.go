package host

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/libioc/go-libioc/zfsstore"
)

// Errors of activation.
var (
	// ErrManaged means that rc.conf names the sources, so that the properties of
	// pools do not matter (libioc: ActivationFailed).
	ErrManaged = errors.New("rc.conf manages the root datasets")
	// ErrPoolNotFound means that no imported pool has that name (libioc:
	// ZFSPoolInvalid).
	ErrPoolNotFound = errors.New("pool is not imported")
	// ErrPoolUnavailable means that the pool cannot be written to (libioc:
	// ZFSPoolUnavailable).
	ErrPoolUnavailable = errors.New("pool is not available")
	// ErrNoMountpoint means that the root dataset would not be mounted (libioc:
	// ZFSSourceMountpoint).
	ErrNoMountpoint = errors.New("root dataset has no mountpoint")
)

// ActivateOptions say how a pool is activated.
type ActivateOptions struct {
	// Mountpoint of the pool's root dataset, an absolute path such as /iocage.
	// The default leaves it as it is, or inherited for a new one.
	Mountpoint string
}

// Activate makes POOL/iocage the host's main source, as "ioc activate" does: it
// creates that dataset if it is missing, sets [ActiveProperty] to yes on the
// pool and to no on every other pool that had it. A failure restores the
// properties. Activating an active pool is not an error. A pool that cannot be written
// to keeps the property, but is not the main source while another one is active.
//
// Errors: ErrManaged, ErrPoolNotFound, ErrPoolUnavailable, ErrNoMountpoint,
// *zfsstore.Error.
func (h *Host) Activate(ctx context.Context, pool string, o ActivateOptions) error {
	all, p, err := h.poolToChange(ctx, pool)
	if err != nil {
		return err
	}
	if !p.writable() {
		return fmt.Errorf("%w: %s is %s", ErrPoolUnavailable, pool, p.state())
	}
	if err := h.rootDataset(ctx, pool+"/iocage", o.Mountpoint); err != nil {
		return err
	}
	var done []PoolStatus
	set := func(ctx context.Context, name string, active bool) error {
		return h.Store.Set(ctx, name, map[string]string{ActiveProperty: map[bool]string{true: "yes", false: "no"}[active]})
	}
	// The new one comes last: if this is interrupted, no two pools are active.
	for _, wanted := range []bool{false, true} {
		for _, p := range all {
			if (p.Name == pool) != wanted || p.Active == wanted || !p.writable() {
				continue
			}
			err := set(ctx, p.Name, wanted)
			if err == nil {
				done = append(done, p)
				continue
			}
			back := context.WithoutCancel(ctx)
			for _, p := range slices.Backward(done) {
				err = errors.Join(err, set(back, p.Name, p.Active))
			}
			return err
		}
	}
	h.forgetSources()
	return nil
}

// rootDataset creates the root dataset, or checks or changes its mountpoint.
func (h *Host) rootDataset(ctx context.Context, name, mountpoint string) error {
	d, err := h.Store.Get(ctx, name, zfsstore.GetOptions{})
	if errors.Is(err, zfsstore.ErrNotFound) {
		opts := zfsstore.CreateOptions{}
		if mountpoint != "" {
			opts.Properties = map[string]string{"mountpoint": mountpoint}
		}
		if err := h.Store.Create(ctx, name, opts); err != nil {
			return err
		}
		d, err = h.Store.Get(ctx, name, zfsstore.GetOptions{})
		if err == nil && d.Mountpoint == "" {
			err = errors.Join(fmt.Errorf("%w: %s", ErrNoMountpoint, name),
				h.Store.Destroy(ctx, name, zfsstore.DestroyOptions{}))
		}
		return err
	}
	if err != nil {
		return err
	}
	if mountpoint != "" && d.Mountpoint != mountpoint {
		return h.Store.Set(ctx, name, map[string]string{"mountpoint": mountpoint})
	}
	if d.Mountpoint == "" {
		return fmt.Errorf("%w: %s", ErrNoMountpoint, name)
	}
	return nil
}

// Deactivate sets the pool's [ActiveProperty] to no; its datasets stay as they are.
// It is not an error if the pool is not active. Errors: ErrManaged, ErrPoolNotFound,
// *zfsstore.Error.
func (h *Host) Deactivate(ctx context.Context, pool string) error {
	_, p, err := h.poolToChange(ctx, pool)
	if err != nil || !p.Active {
		return err
	}
	if err := h.Store.Set(ctx, pool, map[string]string{ActiveProperty: "no"}); err != nil {
		return err
	}
	h.forgetSources()
	return nil
}

// poolToChange returns all pools and the named one, whose property decides.
func (h *Host) poolToChange(ctx context.Context, name string) (all []PoolStatus, p PoolStatus, err error) {
	if managed, err := h.rcSources(); err != nil || len(managed) > 0 {
		return nil, p, errors.Join(err, ErrManaged)
	}
	if all, err = h.Pools(ctx); err != nil {
		return nil, p, err
	}
	i := slices.IndexFunc(all, func(p PoolStatus) bool { return p.Name == name })
	if i < 0 {
		return nil, p, fmt.Errorf("%w: %s", ErrPoolNotFound, name)
	}
	return all, all[i], nil
}

// forgetSources makes the next call of Sources look them up again.
func (h *Host) forgetSources() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sources = nil
}
