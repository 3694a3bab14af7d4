package host_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/simzfs"
)

// failing is a store whose Set fails on one dataset, and whose List shows some
// datasets as encrypted without a key, which no mock can be.
type failing struct {
	zfsstore.Store
	set    string
	locked map[string]bool
}

var errSet = errors.New("set failed")

func (f failing) Set(ctx context.Context, name string, properties map[string]string) error {
	if name == f.set {
		return errSet
	}
	return f.Store.Set(ctx, name, properties)
}

func (f failing) List(ctx context.Context, root string, o zfsstore.ListOptions) ([]zfsstore.Dataset, error) {
	sets, err := f.Store.List(ctx, root, o)
	for i := range sets {
		if f.locked[sets[i].Name] {
			sets[i].Mounted = false
			sets[i].Properties["encryption"] = zfsstore.Property{Value: "aes-256-gcm", Source: zfsstore.SourceNone}
		}
	}
	return sets, err
}

func (f failing) Get(ctx context.Context, name string, o zfsstore.GetOptions) (zfsstore.Dataset, error) {
	if !f.locked[name] {
		return f.Store.Get(ctx, name, o)
	}
	d, err := f.Store.Get(ctx, name, zfsstore.GetOptions{})
	d.Mounted = false
	d.Properties = map[string]zfsstore.Property{"keystatus": {Value: "unavailable", Source: zfsstore.SourceNone}}
	return d, err
}

func active(t *testing.T, h *host.Host) map[string]bool {
	t.Helper()
	pools, err := h.Pools(context.Background())
	require.NoError(t, err)
	out := map[string]bool{}
	for _, p := range pools {
		out[p.Name] = p.Active
	}
	return out
}

func TestActivate(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	h := newHost(t, dir, host.Options{},
		simzfs.Pool{Name: "tank"}, simzfs.Pool{Name: "zroot"},
		simzfs.Pool{Name: "old", Health: "DEGRADED"},
		simzfs.Pool{Name: "broken", Health: "UNAVAIL"}, simzfs.Pool{Name: "ro", ReadOnly: true})
	_, err := h.Sources(ctx)
	require.ErrorIs(t, err, host.ErrNotActivated)

	require.ErrorIs(t, h.Activate(ctx, "none", host.ActivateOptions{}), host.ErrPoolNotFound)
	require.ErrorIs(t, h.Activate(ctx, "broken", host.ActivateOptions{}), host.ErrPoolUnavailable)
	require.ErrorIs(t, h.Activate(ctx, "ro", host.ActivateOptions{}), host.ErrPoolUnavailable)
	require.ErrorIs(t, h.Deactivate(ctx, "none"), host.ErrPoolNotFound)
	require.NoError(t, h.Deactivate(ctx, "tank"), "it is not active")

	for _, pool := range []string{"tank", "tank", "old", "zroot"} {
		require.NoError(t, h.Activate(ctx, pool, host.ActivateOptions{}))
		sources, err := h.Sources(ctx)
		require.NoError(t, err)
		require.Equal(t, []host.Source{{Name: "ioc", Dataset: pool + "/iocage"}}, sources)
		for name, on := range active(t, h) {
			require.Equal(t, name == pool, on, name)
		}
		_, err = h.Store.Get(ctx, pool+"/iocage", zfsstore.GetOptions{})
		require.NoError(t, err)
	}
	require.NoError(t, h.Deactivate(ctx, "zroot"))
	_, err = h.Sources(ctx)
	require.ErrorIs(t, err, host.ErrNotActivated)

	require.NoError(t, h.Activate(ctx, "tank", host.ActivateOptions{Mountpoint: "/elsewhere"}))
	d, err := h.Store.Get(ctx, "tank/iocage", zfsstore.GetOptions{Properties: []string{"mountpoint"}})
	require.NoError(t, err)
	require.Equal(t, zfsstore.SourceLocal, d.Properties["mountpoint"].Source)
	require.NoError(t, h.Store.Set(ctx, "old/iocage", map[string]string{"mountpoint": "none"}))
	require.ErrorIs(t, h.Activate(ctx, "old", host.ActivateOptions{}), host.ErrNoMountpoint)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "rc.conf"), []byte("ioc_dataset_a=\"tank/a\"\n"), 0o644))
	require.ErrorIs(t, h.Activate(ctx, "tank", host.ActivateOptions{}), host.ErrManaged)
	require.ErrorIs(t, h.Deactivate(ctx, "tank"), host.ErrManaged)
}

// TestActivateBesideAReadOnlyPool: a pool that was active and is imported read-only, or
// is faulted, made Activate of any other pool fail, because its property could not be set
// to no; had that been passed over, the read-only pool would have stayed the main source.
func TestActivateBesideAReadOnlyPool(t *testing.T) {
	ctx := context.Background()
	for _, old := range []simzfs.Pool{{Name: "archive", ReadOnly: true}, {Name: "archive", Health: "FAULTED"}} {
		dir := t.TempDir()
		h := newHost(t, dir, host.Options{}, simzfs.Pool{Name: "archive"}, simzfs.Pool{Name: "tank"})
		require.NoError(t, h.Activate(ctx, "archive", host.ActivateOptions{}))
		h.Store = imported{h.Store, old}
		sources, err := h.Sources(ctx)
		if old.ReadOnly {
			require.NoError(t, err)
			require.Equal(t, "archive/iocage", sources[0].Dataset)
		}
		require.NoError(t, h.Activate(ctx, "tank", host.ActivateOptions{}))
		sources, err = h.Sources(ctx)
		require.NoError(t, err)
		require.Equal(t, []host.Source{{Name: "ioc", Dataset: "tank/iocage"}}, sources)
		require.Equal(t, map[string]bool{"archive": true, "tank": true}, active(t, h))
		require.ErrorIs(t, h.Activate(ctx, "archive", host.ActivateOptions{}), host.ErrPoolUnavailable)
		require.NoError(t, h.Deactivate(ctx, "tank"))
		_, err = h.Sources(ctx)
		require.Equal(t, old.ReadOnly, err == nil, "a read-only pool is better than none: %v", err)
	}
}

// imported is a store one of whose pools was imported anew, and does not take changes.
type imported struct {
	zfsstore.Store
	as simzfs.Pool
}

func (i imported) Pools(ctx context.Context) ([]zfsstore.Pool, error) {
	pools, err := i.Store.Pools(ctx)
	for k := range pools {
		if pools[k].Name == i.as.Name {
			pools[k].ReadOnly = i.as.ReadOnly
			if i.as.Health != "" {
				pools[k].Health = i.as.Health
			}
		}
	}
	return pools, err
}

func (i imported) Set(ctx context.Context, name string, properties map[string]string) error {
	if name == i.as.Name {
		return errSet
	}
	return i.Store.Set(ctx, name, properties)
}

// interrupted is a store whose Set ends the program, once it has set the first property.
type interrupted struct {
	zfsstore.Store
	set *[]string
}

func (i interrupted) Set(ctx context.Context, name string, properties map[string]string) error {
	*i.set = append(*i.set, name+"="+properties[host.ActiveProperty])
	if len(*i.set) > 1 {
		panic("killed")
	}
	return i.Store.Set(ctx, name, properties)
}

// TestActivateInterrupted: at no moment are two pools active, so that an interrupted
// Activate leaves none, and not the wrong one; no test noticed when the new pool was set
// first.
func TestActivateInterrupted(t *testing.T) {
	ctx := context.Background()
	for _, names := range [][2]string{{"new", "old"}, {"aaa", "old"}, {"zzz", "old"}} {
		h := newHost(t, t.TempDir(), host.Options{}, simzfs.Pool{Name: names[0]}, simzfs.Pool{Name: names[1]})
		require.NoError(t, h.Activate(ctx, names[1], host.ActivateOptions{}))
		good := h.Store
		var set []string
		h.Store = interrupted{good, &set}
		require.PanicsWithValue(t, "killed", func() { _ = h.Activate(ctx, names[0], host.ActivateOptions{}) })
		h.Store = good
		require.Equal(t, []string{names[1] + "=no", names[0] + "=yes"}, set)
		require.Equal(t, map[string]bool{names[0]: false, names[1]: false}, active(t, h))
	}
}

// A pool that cannot be changed leaves the others as they were.
func TestActivateFails(t *testing.T) {
	ctx := context.Background()
	for _, bad := range []string{"one", "two", "new"} {
		t.Run(bad, func(t *testing.T) {
			h := newHost(t, t.TempDir(), host.Options{},
				simzfs.Pool{Name: "new"}, simzfs.Pool{Name: "one"}, simzfs.Pool{Name: "two"})
			for _, p := range []string{"one", "two"} {
				require.NoError(t, h.Store.Set(ctx, p, map[string]string{host.ActiveProperty: "yes"}))
			}
			before := active(t, h)
			good := h.Store
			h.Store = failing{Store: good, set: bad}
			require.ErrorIs(t, h.Activate(ctx, "new", host.ActivateOptions{}), errSet)
			h.Store = good
			require.Equal(t, before, active(t, h))
		})
	}
}

func TestSourceStatuses(t *testing.T) {
	ctx := context.Background()
	source := func(name, dataset string) host.Source { return host.Source{Name: name, Dataset: dataset} }
	h := newHost(t, t.TempDir(), host.Options{Sources: []host.Source{
		source("good", "tank/good"), source("weak", "old/ioc"), source("ro", "ro/ioc"), source("dead", "broken/ioc"), source("away", "usb/ioc"),
		source("none", "tank/none"), source("off", "tank/off"), source("secret", "tank/secret"), source("partly", "tank/partly"),
	}},
		simzfs.Pool{Name: "tank"}, simzfs.Pool{Name: "ro", ReadOnly: true},
		simzfs.Pool{Name: "old", Health: "DEGRADED"}, simzfs.Pool{Name: "broken", Health: "FAULTED"})
	for _, name := range []string{"tank/good", "tank/off", "tank/secret/jails/a", "tank/partly/jails/a", "tank/partly/jails/b", "old/ioc"} {
		require.NoError(t, h.Store.Create(ctx, name, zfsstore.CreateOptions{Parents: true}))
	}
	require.NoError(t, h.Store.Unmount(ctx, "tank/off", false))
	require.NoError(t, h.Store.Unmount(ctx, "tank/partly/jails/b", false))
	h.Store = failing{Store: h.Store, locked: map[string]bool{
		"tank/secret": true, "tank/secret/jails": true, "tank/secret/jails/a": true, "tank/partly/jails/a": true,
	}}
	got, err := h.SourceStatuses(ctx)
	require.NoError(t, err)
	states := map[string]host.SourceState{}
	for _, s := range got {
		states[s.Name] = s.State
		require.Equal(t, s.State == host.SourceReady, s.Remedy == "", s.Name)
		if s.Name != "partly" {
			require.Empty(t, s.Below, s.Name)
			continue
		}
		require.Equal(t, []host.DatasetStatus{
			{Dataset: "tank/partly/jails/a", State: host.SourceLocked},
			{Dataset: "tank/partly/jails/b", State: host.SourceUnmounted},
		}, s.Below)
	}
	require.Equal(t, map[string]host.SourceState{
		"good": host.SourceReady, "weak": host.SourceDegraded, "ro": host.SourceMissing, "dead": host.SourceUnavailable,
		"away": host.SourceUnavailable, "none": host.SourceMissing, "off": host.SourceUnmounted, "secret": host.SourceLocked,
		"partly": host.SourceReady,
	}, states)
}

func TestDistributionAndRelease(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	h := newHost(t, dir, host.Options{Files: host.Files{HBSDUpdate: filepath.Join(dir, "hbsd-update")}}, simzfs.Pool{Name: "tank"})
	d, err := h.Distribution()
	require.NoError(t, err)
	require.Equal(t, host.FreeBSD, d)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hbsd-update"), nil, 0o755))
	d, err = h.Distribution()
	require.NoError(t, err)
	require.Equal(t, host.HardenedBSD, d)

	good := h.Kernel
	for text, want := range map[string]string{
		"13.2-RELEASE": "13.2-RELEASE", "13.2-RELEASE-p5": "13.2-RELEASE", "14.10-STABLE": "14.10-STABLE",
		"15.0-CURRENT-HBSD": "15-CURRENT", "14-STABLE-HBSD": "14-STABLE", "14.1-STABLE-HBSD": "14-STABLE",
		"15.0": "", "-RELEASE": "", "": "",
	} {
		h.Kernel = named{good, text}
		got, err := h.Release(ctx)
		require.Equal(t, want, got, text)
		require.Equal(t, want == "", errors.Is(err, host.ErrReleaseUnknown), text)
	}
}

// named is a kernel of another release.
type named struct {
	kernel.Kernel
	release string
}

func (n named) Features(ctx context.Context) (kernel.Features, error) {
	f, err := n.Kernel.Features(ctx)
	f.OSRelease = n.release
	return f, err
}
