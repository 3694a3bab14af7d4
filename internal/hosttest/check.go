package hosttest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/pathname"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// Options are what [Check] passes over.
type Options struct {
	// Foreign reports whether a dataset is somebody else's. What is mounted there,
	// or runs there, is not looked at. The default is that all are the library's.
	Foreign func(zfsstore.Dataset) bool
	// ForeignJail is the same for a jail in the kernel.
	ForeignJail func(kernel.Identity) bool
}

// Check returns what does not agree in a source of a host where no operation is
// running, one sentence each.
func Check(ctx context.Context, h *host.Host, source host.Source, o Options) []string {
	c := &check{host: h, source: source, opts: o, byName: map[string]zfsstore.Dataset{}, roots: map[string]string{}, running: map[string]bool{}}
	if c.opts.Foreign == nil {
		c.opts.Foreign = func(zfsstore.Dataset) bool { return false }
	}
	if c.opts.ForeignJail == nil {
		c.opts.ForeignJail = func(kernel.Identity) bool { return false }
	}
	mounts, err := h.Mounts(ctx)
	c.err(err)
	c.datasets(ctx)
	c.jails(ctx)
	c.mounts(mounts)
	c.state(ctx)
	c.directories()
	return c.wrong
}

// check collects what is wrong.
type check struct {
	host   *host.Host
	source host.Source
	opts   Options
	wrong  []string

	byName  map[string]zfsstore.Dataset // without those of somebody else
	foreign []zfsstore.Dataset          // the topmost ones of somebody else
	roots   map[string]string           // where a jail's root is mounted, by its name in the kernel
	running map[string]bool             // by name in the kernel
}

func (c *check) bad(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
}

func (c *check) err(err error) {
	if err != nil {
		c.bad("%v", err)
	}
}

// isForeign reports whether a dataset is, or is below, one of somebody else.
func (c *check) isForeign(name string) bool {
	return slices.ContainsFunc(c.foreign, func(d zfsstore.Dataset) bool { return pathname.Within(name, d.Name) })
}

// isForeignPath is isForeign of a path.
func (c *check) isForeignPath(path string) bool {
	return slices.ContainsFunc(c.foreign, func(d zfsstore.Dataset) bool {
		return d.Mountpoint != "" && pathname.Within(path, d.Mountpoint)
	})
}

// datasets: a jail exists with its root and its configuration, or not at all.
func (c *check) datasets(ctx context.Context) {
	sets, err := c.host.Store.List(ctx, c.source.Dataset, zfsstore.ListOptions{})
	c.err(err)
	for _, d := range sets {
		switch {
		case c.isForeign(d.Name):
		case c.opts.Foreign(d):
			c.foreign = append(c.foreign, d)
		default:
			c.byName[d.Name] = d
			if !d.Mounted {
				c.bad("%s is not mounted", d.Name)
			}
		}
	}
	for dataset, d := range c.byName {
		if name, ok := strings.CutPrefix(dataset, c.source.Jails()+"/"); ok && !strings.Contains(name, "/") {
			c.jail(name, d)
		}
	}
}

func (c *check) jail(name string, d zfsstore.Dataset) {
	root, ok := c.byName[d.Name+"/root"]
	if !ok {
		c.bad("%s has no root", d.Name)
		return
	}
	// A clone of the release, or of another jail, which it may have been
	// promoted over since.
	if _, err := os.Stat(filepath.Join(root.Mountpoint, "etc/rc")); err != nil {
		c.bad("%s is not filled: %v", root.Name, err)
	}
	c.roots[jail.Identifier(c.source, name)] = root.Mountpoint
	if _, err := config.ReadDir(d.Mountpoint); err != nil {
		c.bad("configuration of %s: %v", d.Name, err)
	}
	inside, err := os.ReadDir(d.Mountpoint)
	c.err(err)
	for _, f := range inside {
		if former := d.Name + "/" + f.Name(); strings.HasPrefix(f.Name(), "basejail-former") {
			// The empty directory it was mounted on may stay after a kill.
			if rest, err := os.ReadDir(filepath.Join(d.Mountpoint, f.Name())); c.byName[former].Name != "" || err != nil || len(rest) > 0 {
				c.bad("%s is left: %v %v", former, rest, err)
			}
			continue
		}
		if !slices.Contains([]string{"config.json", "fstab", "root", "basejail", ".zfs"}, f.Name()) {
			c.bad("%s is in %s", f.Name(), d.Name)
		}
	}
}

// jails: each jail of the source in the kernel has a root of the source.
func (c *check) jails(ctx context.Context) {
	for p, err := range c.host.Kernel.JailList(ctx, kernel.JailDying, "path", "dying", "cpuset.id") {
		c.err(err)
		name, path := p.String("name"), p.String("path")
		ours := strings.HasPrefix(name, c.source.Name+"-") || strings.HasPrefix(name, "_update-")
		id := kernel.Identity{JID: p.Int("jid"), Name: name, Incarnation: uint64(uint32(p.Int("cpuset.id")))}
		if p.Bool("dying") || !ours || c.opts.ForeignJail(id) {
			continue
		}
		c.running[name] = true
		switch root, ok := c.roots[name]; {
		case !ok:
			c.bad("jail %s has no dataset", name)
		case root != path:
			c.bad("jail %s is at %s, its root is at %s", name, path, root)
		}
	}
}

// mounts: what a running jail needs is mounted, and nothing else.
func (c *check) mounts(mounts host.MountTable) {
	for name, root := range c.roots {
		below := mounts.Below(root)
		dev := 0
		for _, m := range below {
			if m.Type == "devfs" {
				dev++
			}
		}
		switch {
		case c.running[name] && dev != 1:
			c.bad("running jail %s has %d devfs", name, dev)
		case !c.running[name] && len(below) != 0:
			c.bad("stopped jail %s has %d mounts, such as %s", name, len(below), below[0].Path)
		}
	}
	top := c.byName[c.source.Dataset].Mountpoint
	for _, m := range mounts {
		if m.Type == "zfs" {
			_, ok := c.byName[m.From]
			if !ok && pathname.Within(m.From, c.source.Dataset) && !c.isForeign(m.From) {
				c.bad("%s is mounted on %s", m.From, m.Path)
			}
			continue
		}
		if top == "" || !pathname.Within(m.Path, top) || c.isForeignPath(m.Path) {
			continue
		}
		owned := false
		for name, root := range c.roots {
			owned = owned || c.running[name] && pathname.Within(m.Path, root)
		}
		if !owned {
			c.bad("%s %s is mounted on %s for no jail", m.Type, m.From, m.Path)
		}
	}
}

// state: all work is finished, so no journal exists and all locks are free.
func (c *check) state(ctx context.Context) {
	dirs := map[string]string{}
	for _, kind := range []string{"jail", "release", "network"} {
		dirs[kind] = c.host.JournalDir(c.source.Name, kind)
		mark, err := c.host.MarkPath(ctx, c.source, kind, "any")
		c.err(err)
		if mark != "" {
			dirs["mark of "+kind] = filepath.Dir(mark)
		}
	}
	for kind, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.err(err)
		}
		for _, e := range entries {
			switch filepath.Ext(e.Name()) {
			case ".journal", ".tmp":
				c.bad("%s %s is left", kind, e.Name())
			}
		}
	}
	for name := range c.roots {
		key := c.source.Name + "/jail/" + strings.ReplaceAll(strings.TrimPrefix(name, c.source.Name+"-"), "*", ".")
		unlock, err := c.host.Lock(ctx, key, "check", host.BusyFail)
		if err != nil {
			c.bad("lock: %v", err)
			continue
		}
		unlock()
	}
}

// directories: no dataset left anything, but perhaps the empty directory it was
// mounted on when the machine stopped.
func (c *check) directories() {
	jails, ok := c.byName[c.source.Jails()]
	if !ok {
		return
	}
	dirs, err := os.ReadDir(jails.Mountpoint)
	c.err(err)
	for _, d := range dirs {
		path, name := filepath.Join(jails.Mountpoint, d.Name()), c.source.Jails()+"/"+d.Name()
		if c.byName[name].Name != "" || c.isForeign(name) {
			continue
		}
		if inside, err := os.ReadDir(path); err != nil || len(inside) > 0 {
			c.bad("%s is left: %v %v", path, inside, err)
		}
	}
}
