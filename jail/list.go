package jail

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/kernel"
)

// List finds the jails of all sources, in order of source and name. Filters
// are libioc's: "web" or "name=web", globs with * and +, "source/name",
// "release=13.2-RELEASE,13.3-RELEASE", "running=yes", "user.tier=db"; all of
// them must match, one of the values behind a comma is enough.
//
// A jail that cannot be read comes with its error, and with a Jail that knows
// its name; it does not end the list. A failure of the list itself comes with a
// nil Jail and does. Without an error a Jail's Status is from one pass over the
// kernel's jails. Only datasets that are mounted are seen, so no process is
// started.
func List(ctx context.Context, h *host.Host, filters ...string) iter.Seq2[*Jail, error] {
	return func(yield func(*Jail, error) bool) {
		terms, err := config.ParseTerms(strings.Join(filters, " "))
		if err != nil {
			yield(nil, err)
			return
		}
		var names config.Terms // can be judged before a file is read
		for _, t := range terms {
			if t.Key == "name" {
				names = append(names, t)
			}
		}
		found, err := mountedJails(ctx, h)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, f := range found {
			if !names.Matches(f.source.Name, f.name) {
				continue
			}
			j, err := f.load(ctx, h)
			if err == nil && !terms.Match(j.lookup) {
				continue
			}
			if !yield(j, err) {
				return
			}
		}
	}
}

// found is a jail before its configuration was read.
type found struct {
	source   host.Source
	name     string
	path     string
	identity kernel.Identity
	defaults *config.Config
	broken   error // of the defaults
	several  bool  // sources
}

func mountedJails(ctx context.Context, h *host.Host) ([]found, error) {
	sources, err := h.Sources(ctx)
	if err != nil {
		return nil, err
	}
	mounts, err := h.Mounts(ctx)
	if err != nil {
		return nil, err
	}
	running := map[string]kernel.Identity{}
	for p, err := range h.Kernel.JailList(ctx, 0, "cpuset.id") {
		if err != nil {
			return nil, fmt.Errorf("list jails: %w", err)
		}
		id := kernel.Identity{JID: p.Int("jid"), Name: p.String("name"), Incarnation: uint64(p.Int("cpuset.id"))}
		running[id.Name] = id
	}
	var out []found
	for _, source := range sources {
		defaults, broken := readDefaults(mounts, source)
		start := len(out)
		seen := map[string]bool{}
		for _, m := range mounts {
			name, ok := strings.CutPrefix(m.From, source.Jails()+"/")
			if m.Type != "zfs" || !ok || seen[name] || config.ValidName(name) != nil {
				continue
			}
			seen[name] = true
			f := found{source: source, name: name, path: m.Path, defaults: defaults, broken: broken, several: len(sources) > 1}
			f.identity = running[(&JailGenerator{source: source, name: name}).Identifier()]
			out = append(out, f)
		}
		slices.SortFunc(out[start:], func(a, b found) int { return strings.Compare(a.name, b.name) })
	}
	return out, nil
}

func (f found) load(ctx context.Context, h *host.Host) (*Jail, error) {
	g := &JailGenerator{
		host: h, source: f.source, name: f.name, fullName: f.name, path: f.path,
		own: config.New(), defaults: f.defaults,
	}
	if f.several {
		g.fullName = f.source.Name + "/" + f.name
	}
	if !f.identity.IsZero() {
		g.status = Status{Running: true, Identity: f.identity}
	}
	if f.broken != nil {
		g.defaults = config.New()
		return &Jail{g}, &Error{"list", g.fullName, f.broken}
	}
	if err := g.read(ctx, f.path); err != nil && !errors.Is(err, config.ErrNoConfig) {
		return &Jail{g}, &Error{"list", g.fullName, err}
	}
	return &Jail{g}, nil
}

// lookup gives the values of a key to a filter: what is known of the jail
// itself, else a property.
func (g *JailGenerator) lookup(key string) ([]string, bool) {
	switch key {
	case "name", "id", "uuid":
		return []string{g.name}, true
	case "full_name":
		return []string{g.fullName}, true
	case "source":
		return []string{g.source.Name}, true
	case "identifier":
		return []string{g.Identifier()}, true
	case "running":
		return []string{yesNo(g.status.Running)}, true
	case "jid":
		if !g.status.Running {
			return []string{"-"}, true
		}
		return []string{fmt.Sprint(g.status.Identity.JID)}, true
	}
	eff := g.effective()
	if text, err := eff.Text(key); err != nil {
		return nil, false
	} else if list := eff.Strings(key); len(list) > 1 {
		return list, true
	} else {
		return []string{text}, true
	}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
