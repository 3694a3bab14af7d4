package hosttest

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// Tidy finishes by hand what the hand has broken: of the jails that it changed
// since the last time, it removes those in the kernel that are not its own, and
// destroys those that lack a root or a configuration. Nobody else may work on the
// host, and no journal may be left.
func (m *Hand) Tidy(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all error
	for _, name := range m.names {
		d, err := m.host.Store.Get(ctx, m.place(name), zfsstore.GetOptions{})
		if err = ignore.Err(err, zfsstore.ErrNotFound); err == nil && (m.Rootless || m.Touched[name] || m.TouchedSets[d.GUID]) {
			err = m.tidy(ctx, name)
		}
		all = errors.Join(all, err)
	}
	if all == nil {
		m.Rootless = false
		clear(m.Touched)
		clear(m.TouchedSets)
	}
	return errors.Join(all, m.save())
}

func (m *Hand) tidy(ctx context.Context, name string) error {
	id, err := m.host.Kernel.JailIdentify(ctx, 0, kernel.ByName(m.identifier(name)))
	if err == nil && !m.ownJail(id) {
		err = ignore.Err(m.host.Kernel.JailRemove(ctx, id), kernel.ErrNotFound)
	}
	if err := ignore.Err(err, kernel.ErrNotFound); err != nil {
		return err
	}
	all, err := m.tree(ctx, m.place(name))
	if err != nil || len(all) == 0 || m.mine(all[0]) {
		return err
	}
	for _, d := range all {
		if d.Type == zfsstore.Filesystem && !d.Mounted {
			if err := m.host.Store.Mount(ctx, d.Name); err != nil {
				return err
			}
		}
	}
	if m.whole(ctx, name) {
		// The rename of a jail keeps its former base in use for a moment, which is
		// left for the next start then.
		for _, d := range all {
			if below, ok := strings.CutPrefix(d.Name, m.place(name)+"/basejail-former"); ok && !strings.ContainsAny(below, "/@") {
				if err := m.host.Store.Destroy(ctx, d.Name, zfsstore.DestroyOptions{Recursive: true}); err != nil {
					return err
				}
			}
		}
		// A jail that ended by jail(8) keeps its mounts. What an Unmount takes out
		// of its fstab from then on is no longer known to be left by it.
		return m.unmountBelow(ctx, name, "tmpfs")
	}
	if err := m.unmountBelow(ctx, name, ""); err != nil {
		return err
	}
	err = m.act(ctx, m.place(name), func() error {
		return m.host.Store.Destroy(ctx, m.place(name), zfsstore.DestroyOptions{Recursive: true})
	})
	if errors.Is(err, zfsstore.ErrHasDependents) {
		return m.move(ctx, m.place(name), name)
	}
	return err
}

// whole reports whether a jail has its root and a configuration.
func (m *Hand) whole(ctx context.Context, name string) bool {
	path, err := m.host.Mountpoint(ctx, m.place(name))
	if err != nil {
		return false
	}
	root, err := m.host.Mountpoint(ctx, m.place(name)+"/root")
	if err != nil {
		return false
	}
	_, rc := os.Stat(filepath.Join(root, "etc/rc"))
	_, conf := config.ReadDir(path)
	return rc == nil && conf == nil
}

// unmountBelow unmounts what is mounted below a jail's root of one type, or of all.
func (m *Hand) unmountBelow(ctx context.Context, name, only string) error {
	mounts, err := m.host.Mounts(ctx)
	if err != nil {
		return err
	}
	root, ok := mounts.Dataset(m.place(name) + "/root")
	if !ok {
		return nil
	}
	var all error
	for _, mount := range mounts.Below(root) {
		if mount.Type != "zfs" && (only == "" || mount.Type == only) {
			all = errors.Join(all, m.host.Kernel.UnmountFSID(ctx, mount.FSID, kernel.MntForce))
		}
	}
	return all
}

func (m *Hand) ownJail(id kernel.Identity) bool {
	for own := range maps.Values(m.Jails) {
		if own == id {
			return true
		}
	}
	return false
}

// ForeignJail reports whether a jail in the kernel is the hand's own, for [Options].
func (m *Hand) ForeignJail(id kernel.Identity) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ownJail(id)
}

// GiveWay takes what is the hand's own out of the places of these jails, or of all of
// its jails, and keeps what was moved away.
func (m *Hand) GiveWay(ctx context.Context, names ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(names) == 0 {
		names = m.names
	}
	var all error
	for _, name := range names {
		all = errors.Join(all,
			ignore.Err(m.removeOwnJail(ctx, name, 0), errNothing, kernel.ErrNotFound),
			ignore.Err(m.uproot(ctx, name, 0), errNothing, zfsstore.ErrNotFound))
	}
	return all
}

// Leave destroys everything that is the hand's own. What jails outside were cloned
// from stays, and is in the error.
func (m *Hand) Leave(ctx context.Context) error {
	all := m.GiveWay(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	moved, err := m.host.Store.List(ctx, m.away, zfsstore.ListOptions{Depth: 1})
	if err != nil {
		return errors.Join(all, ignore.Err(err, zfsstore.ErrNotFound))
	}
	for _, d := range append(moved[1:], moved[0]) {
		all = errors.Join(all, m.act(ctx, d.Name, func() error {
			return m.host.Store.Destroy(ctx, d.Name, zfsstore.DestroyOptions{Recursive: d.Name != m.away})
		}))
	}
	return all
}
