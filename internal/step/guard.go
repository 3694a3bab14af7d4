package step

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/pathname"
)

// guard knows the directories of the host that jails can write to, or that only
// releases are in: a symbolic link there must not lead a mount to the host's
// files, kernel.MountRequest Guarded.
type guard struct {
	host   *host.Host
	mounts host.MountTable
	roots  map[string]bool // datasets of jails and releases
	all    []string        // those and what is only known by asking for it
}

func newGuard(ctx context.Context, h *host.Host, mounts host.MountTable) (*guard, error) {
	sources, err := h.Sources(ctx)
	if err != nil {
		return nil, err
	}
	g := &guard{host: h, mounts: mounts, roots: map[string]bool{}}
	for _, m := range mounts {
		if m.Type != "zfs" {
			continue
		}
		for _, source := range sources {
			// The jail's own dataset holds its configuration, those below its files.
			rest, jail := strings.CutPrefix(m.From, source.Jails()+"/")
			below, release := pathname.Cut(m.From, source.Releases())
			if jail && strings.Contains(rest, "/") || release && below != "" {
				g.roots[m.Path] = true
			}
		}
	}
	return g, nil
}

// of are the directories to guard on the way to a source. One that is named by
// its path below a root cannot leave that, so that nothing else has to be asked.
func (g *guard) of(ctx context.Context, source string) ([]string, error) {
	if !filepath.IsAbs(source) {
		return nil, nil
	}
	if root, ok := above(source, g.roots); ok {
		return []string{root}, nil
	}
	if g.all != nil {
		return g.all, nil
	}
	all := maps.Clone(g.roots)
	for p, err := range g.host.Kernel.JailList(ctx, 0, "path") {
		if err != nil {
			return nil, err
		}
		// Whoever is in a jail on the host's own root has the host.
		if path := p.String("path"); path != "/" {
			all[path] = true
		}
	}
	for _, m := range g.mounts { // a jail's files under another name
		if _, from := above(m.From, all); from && m.Type == "nullfs" {
			all[m.Path] = true
		}
	}
	g.all = slices.Sorted(maps.Keys(all))
	return g.all, nil
}

// above finds the directory that a path is at or below. A path with ".." is at
// none: where it leads is for the walk to find out.
func above(path string, dirs map[string]bool) (string, bool) {
	if slices.Contains(strings.Split(path, "/"), "..") {
		return "", false
	}
	for at := filepath.Clean(path); len(at) > 1; at = filepath.Dir(at) {
		if dirs[at] {
			return at, true
		}
	}
	return "", false
}
