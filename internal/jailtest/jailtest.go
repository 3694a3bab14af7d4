// Package jailtest makes jails on simulated hosts for the tests of packages jail
// and fleet, and compares what a host holds before and after an operation.
package jailtest

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// OpenHost returns a simulated host without a release, for jails that consist of
// datasets and configurations only.
func OpenHost(t testing.TB, opts simhost.Options) *simhost.Host {
	t.Helper()
	opts.Dir = MemoryDir(t)
	h, err := simhost.Open(opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.Empty(t, h.ZFS.Written(), "written in spite of readonly=on")
		_ = h.Close() // a test may have closed it
	})
	return h
}

// Put makes a jail of a dataset, an empty root and the given configuration.
func Put(t testing.TB, h *simhost.Host, dataset, conf string) {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, h.ZFS.Create(ctx, dataset+"/root", zfsstore.CreateOptions{Parents: true}))
	WriteConf(t, h, dataset, conf)
}

// PutPlain makes a jail of the main source with [Plain] properties.
func PutPlain(t testing.TB, h *simhost.Host, name string, properties map[string]string) {
	t.Helper()
	Put(t, h, simhost.Dataset+"/jails/"+name, Plain(properties))
}

// Plain returns the configuration of a jail that starts without hooks and mounts,
// with more properties.
func Plain(properties map[string]string) string {
	conf := map[string]string{"exec_start": "none", "exec_stop": "none", "mount_devfs": "no", "resolver": "none"}
	for key, value := range properties {
		conf[key] = value
	}
	data, err := json.Marshal(conf)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// WriteConf writes the configuration of the jail with that dataset.
func WriteConf(t testing.TB, h *simhost.Host, dataset, conf string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(Mountpoint(t, h, dataset), "config.json"), []byte(conf), 0o644))
}

// Mountpoint returns where a dataset is mounted.
func Mountpoint(t testing.TB, h *simhost.Host, dataset string) string {
	t.Helper()
	d, err := h.ZFS.Get(context.Background(), dataset, zfsstore.GetOptions{})
	require.NoError(t, err)
	return d.Mountpoint
}

// WriteRoot makes a file in a jail's root, which the simulated kernel runs as the
// program of that name.
func WriteRoot(t testing.TB, h *simhost.Host, name, file string) {
	t.Helper()
	root := Mountpoint(t, h, simhost.Dataset+"/jails/"+name+"/root")
	path := filepath.Join(root, filepath.FromSlash(file))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte("#!sim "+filepath.Base(file)+"\n"), 0o755))
}

// rootOf returns the root of the jail with a name in the kernel, and "/" if there is
// none.
func rootOf(t testing.TB, h *simhost.Host, kernelName string) string {
	t.Helper()
	ctx := context.Background()
	sources, err := h.Sources(ctx)
	require.NoError(t, err)
	mounts, err := h.Mounts(ctx)
	require.NoError(t, err)
	for _, source := range sources {
		name, ok := strings.CutPrefix(kernelName, source.Name+"-")
		dataset := source.Jails() + "/" + strings.ReplaceAll(name, "*", ".")
		if path, mounted := mounts.Dataset(dataset + "/root"); ok && mounted {
			return path
		}
		if path, mounted := mounts.Dataset(dataset); ok && mounted {
			path += "/root"
			require.NoError(t, os.MkdirAll(path, 0o755))
			return path
		}
	}
	return "/"
}

// Up makes a jail in the kernel and nothing else. Where a jail of the host has that
// name in the kernel its path is that jail's root.
func Up(t testing.TB, h *simhost.Host, name string) kernel.Identity {
	t.Helper()
	ctx := context.Background()
	_, err := h.Sim.JailSet(ctx, kernel.JailCreate, kernel.String("name", name), kernel.String("path", rootOf(t, h, name)), kernel.Bool("persist", true))
	require.NoError(t, err)
	id, err := h.Sim.JailIdentify(ctx, 0, kernel.ByName(name))
	require.NoError(t, err)
	return id
}

// Load loads the jails with these names.
func Load(t testing.TB, h *simhost.Host, names ...string) []*jail.Jail {
	t.Helper()
	var out []*jail.Jail
	for _, name := range names {
		j, err := jail.Load(context.Background(), h.Host, name)
		require.NoError(t, err)
		out = append(out, j)
	}
	return out
}

// Running returns the names of the jails of the main source that the kernel has,
// sorted.
func Running(t testing.TB, h *simhost.Host) (names []string) {
	t.Helper()
	for p, err := range h.Sim.JailList(context.Background(), 0) {
		require.NoError(t, err)
		if name, ok := strings.CutPrefix(p.String("name"), "ioc-"); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
