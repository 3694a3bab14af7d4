package jail_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// invariants says what does not agree on a host where no operation is running:
// datasets, mounts, kernel jails, files, journals and locks.
func invariants(h *simhost.Host) (wrong []string) {
	ctx := context.Background()
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	check := func(err error) {
		if err != nil {
			bad("%v", err)
		}
	}
	sets, err := h.ZFS.List(ctx, simhost.Dataset, zfsstore.ListOptions{})
	check(err)
	mounts, err := h.Mounts(ctx)
	check(err)

	// Datasets: a jail is there with its root and its configuration, or not at
	// all.
	byName := map[string]zfsstore.Dataset{}
	for _, d := range sets {
		byName[d.Name] = d
		if !d.Mounted {
			bad("%s is not mounted", d.Name)
		}
	}
	roots := map[string]string{} // of the jail's name in the kernel
	parent := simhost.Dataset + "/jails/"
	for name, d := range byName {
		jailName, ok := strings.CutPrefix(name, parent)
		if !ok || strings.Contains(jailName, "/") {
			continue
		}
		root, ok := byName[name+"/root"]
		if !ok {
			bad("%s has no root", name)
			continue
		}
		// A clone of the release, or of another jail, which it may have been
		// promoted over since.
		if _, err := os.Stat(filepath.Join(root.Mountpoint, "etc/rc")); err != nil {
			bad("%s is not filled: %v", root.Name, err)
		}
		roots["ioc-"+jailName] = root.Mountpoint
		if _, err := config.ReadDir(d.Mountpoint); err != nil {
			bad("configuration of %s: %v", name, err)
		}
		inside, err := os.ReadDir(d.Mountpoint)
		check(err)
		for _, f := range inside {
			if former := name + "/" + f.Name(); strings.HasPrefix(f.Name(), "basejail-former") {
				// The empty directory it was mounted on may stay after a kill.
				if rest, err := os.ReadDir(filepath.Join(d.Mountpoint, f.Name())); byName[former].Name != "" || err != nil || len(rest) > 0 {
					bad("%s is left: %v %v", former, rest, err)
				}
				continue
			}
			if f.Name() != "config.json" && f.Name() != "fstab" && f.Name() != "root" && f.Name() != "basejail" && f.Name() != ".zfs" {
				bad("%s is in %s", f.Name(), name)
			}
		}
	}

	// Kernel: each jail has a root of ours, and what it needs is mounted there.
	running := map[string]bool{}
	for p, err := range h.Sim.JailList(ctx, kernel.JailDying, "path", "dying") {
		check(err)
		name, path := p.String("name"), p.String("path")
		if p.Bool("dying") {
			continue
		}
		running[name] = true
		switch root, ok := roots[name]; {
		case !ok:
			bad("jail %s has no dataset", name)
		case root != path:
			bad("jail %s is at %s, its root is at %s", name, path, root)
		}
	}
	for name, root := range roots {
		below := mounts.Below(root)
		dev := 0
		for _, m := range below {
			if m.Type == "devfs" {
				dev++
			}
		}
		switch {
		case running[name] && dev != 1:
			bad("running jail %s has %d devfs", name, dev)
		case !running[name] && len(below) != 0:
			bad("stopped jail %s has %d mounts, such as %s", name, len(below), below[0].Path)
		}
	}

	// Mounts: each belongs to a dataset or to a running jail's root.
	for _, m := range mounts {
		if m.Type == "zfs" {
			if _, ok := byName[m.From]; !ok && m.From != simhost.Pool {
				bad("%s is mounted on %s", m.From, m.Path)
			}
			continue
		}
		owned := m.Type == "ufs"
		for name, root := range roots {
			owned = owned || running[name] && strings.HasPrefix(m.Path, root+"/")
		}
		if !owned {
			bad("%s %s is mounted on %s for no jail", m.Type, m.From, m.Path)
		}
	}

	// Journals name unfinished work, and there is none. Locks are free.
	journals, err := os.ReadDir(h.JournalDir("ioc", "jail"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		check(err)
	}
	for _, j := range journals {
		bad("journal %s is left", j.Name())
	}
	for name := range roots {
		key := "ioc/jail/" + strings.TrimPrefix(name, "ioc-")
		unlock, err := h.Lock(ctx, key, "check", host.BusyFail)
		if err != nil {
			bad("lock: %v", err)
			continue
		}
		unlock()
	}
	// Files: no dataset left anything, but perhaps the empty directory it
	// was mounted on when the machine stopped.
	if jails, ok := byName[simhost.Dataset+"/jails"]; ok {
		dirs, err := os.ReadDir(jails.Mountpoint)
		check(err)
		for _, d := range dirs {
			path := filepath.Join(jails.Mountpoint, d.Name())
			if inside, err := os.ReadDir(path); byName[parent+d.Name()].Name == "" && (err != nil || len(inside) > 0) {
				bad("%s is left: %v %v", path, inside, err)
			}
		}
	}
	return wrong
}
