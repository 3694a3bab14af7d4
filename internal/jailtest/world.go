package jailtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/zfsstore"
)

// World describes what a simulated host holds: datasets, mounts, jails in the
// kernel, networks and files, one line each.
func World(t testing.TB, h *simhost.Host) []string {
	t.Helper()
	ctx := context.Background()
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }

	sets, err := h.ZFS.List(ctx, "", zfsstore.ListOptions{
		Types:      []zfsstore.Type{zfsstore.Filesystem, zfsstore.Volume, zfsstore.Snapshot},
		Properties: []string{zfsstore.AllProperties},
	})
	require.NoError(t, err)
	var root string
	for _, d := range sets {
		if d.Name == simhost.Pool {
			root = filepath.Dir(filepath.Dir(d.Mountpoint))
		}
		sort.Strings(d.Clones)
		add("dataset %s %s origin=%s mounted=%v clones=%v", d.Type, d.Name, d.Origin, d.Mounted, d.Clones)
		for name, p := range d.Properties {
			// Who has made a dataset is in a property that differs each time.
			if p.Source == zfsstore.SourceLocal && name != "org.freebsd.ioc:made" {
				add("property %s %s=%s", d.Name, name, p.Value)
			}
		}
	}
	mounts, err := h.Sim.Getfsstat(ctx)
	require.NoError(t, err)
	for _, m := range mounts {
		add("mount %s %s on %s flags=%x", m.Type, m.From, m.Path, m.Flags)
	}
	infos, err := h.Sim.JailParams(ctx)
	require.NoError(t, err)
	var names []string
	for _, info := range infos {
		if !fleeting[info.Name] {
			names = append(names, info.Name)
		}
	}
	for p, err := range h.Sim.JailList(ctx, 0, names...) {
		require.NoError(t, err)
		for _, name := range names {
			value, _ := p.Raw(name)
			add("jail %s: %s=%q", p.String("name"), name, value)
		}
	}
	out = append(out, NetworkWorld(t, h)...)
	out = append(out, files(t, root)...)
	sort.Strings(out)
	return out
}

// fleeting are the parameters that another jail of the same name and with the same
// properties has otherwise.
var fleeting = map[string]bool{"jid": true, "cpuset.id": true}

// files lists what is below the host's directory, except the simulator's own
// log and directories that hold nothing but empty ones: locks and journals
// leave those.
func files(t testing.TB, root string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if rel == "state.log" || rel == "lock" {
			return nil
		}
		if rel == "unmounted" || d.Name() == ".zfs" || strings.HasPrefix(rel, "db") && d.Name() == "network" {
			return fs.SkipDir // the mock's own; snapshots do not change
		}
		if filepath.Dir(rel) == "scratch" {
			// Of a simulated tmpfs: mounted again it has another name, but their number is the same.
			out = append(out, "tmpfs")
			return fs.SkipDir
		}
		if d.IsDir() && (strings.HasPrefix(rel, "run") || strings.HasPrefix(rel, "db") || strings.Contains(rel, "/.operations")) {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("file %s %v", rel, info.Mode())
		switch {
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			// Of an fstab, say, that names paths of the host: another host has it in another directory.
			line += fmt.Sprintf(" %x", sha256.Sum256(bytes.ReplaceAll(data, []byte(root), nil)))
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			line += " -> " + target
		}
		out = append(out, line)
		return nil
	})
	require.NoError(t, err)
	return out
}

// RequireSame compares two worlds and names only the differences.
func RequireSame(t testing.TB, want, got []string) {
	t.Helper()
	count := map[string]int{}
	for _, line := range want {
		count[line]--
	}
	for _, line := range got {
		count[line]++
	}
	var diff []string
	for line, n := range count {
		switch {
		case n < 0:
			diff = append(diff, "missing: "+line)
		case n > 0:
			diff = append(diff, "left over: "+line)
		}
	}
	sort.Strings(diff)
	if more := len(diff) - 12; more > 0 {
		diff = append(diff[:12], fmt.Sprintf("and %d more", more))
	}
	require.Empty(t, strings.Join(diff, "\n"))
}
