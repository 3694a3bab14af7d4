package jail

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// listing is one run of List.
type listing struct {
	host        *host.Host
	mountedOnly bool
	// The filters, by what has to be read before they can be judged.
	names, states, rest config.Terms

	sources []*listSource
	found   []found

	properties    map[string]*config.Config // of legacy jails, by dataset
	propertiesErr error
}

// listSource is a source and those of its jails that may match.
type listSource struct {
	host.Source
	prefix   string // of the datasets of its jails
	wanted   bool   // jails of it may match
	jails    map[string]*found
	others   map[string]bool // identifiers of those that do not match
	defaults *config.Config
	broken   error // of the defaults
}

// found is a jail before its configuration was read.
type found struct {
	source   *listSource // nil when foreign
	name     string      // of a foreign jail: in the kernel
	path     string      // where its dataset is mounted; of a foreign jail its root
	root     string      // where its root is mounted
	identity kernel.Identity
	storage  *zfsstore.Dataset
	invalid  error // of the name
	foreign  bool
}

// find lists the jails that may match: those of sources by source and name, then
// foreign ones by jid.
func (l *listing) find(ctx context.Context) error {
	sources, err := l.host.Sources(ctx)
	if err != nil {
		return err
	}
	mounts, err := l.host.Mounts(ctx)
	if err != nil {
		return err
	}
	only := sourceTerms(l.names)
	for _, s := range sources {
		ls := &listSource{Source: s, prefix: s.Jails() + "/", jails: map[string]*found{}, others: map[string]bool{}}
		ls.wanted = only.Match(func(string) ([]string, bool) { return []string{s.Name}, true })
		if ls.wanted {
			ls.defaults, ls.broken = readDefaults(mounts, s)
		}
		if ls.defaults == nil {
			ls.defaults = config.New()
		}
		l.sources = append(l.sources, ls)
	}
	for _, m := range mounts {
		if m.Type != "zfs" {
			continue
		}
		dataset, root := strings.CutSuffix(m.From, "/root")
		switch f := l.at(dataset); {
		case f == nil:
		case root:
			f.root = m.Path
		default:
			f.path = m.Path // the last mount hides earlier ones
		}
	}
	if !l.mountedOnly {
		sets, err := l.datasets(ctx)
		if err != nil {
			return err
		}
		for i := range sets {
			if f := l.at(sets[i].Name); f != nil {
				f.storage = &sets[i]
			}
		}
	}
	return l.join(ctx)
}

// at returns the jail of a dataset, or nil if it is not one or its name is not
// wanted.
func (l *listing) at(dataset string) *found {
	for _, s := range l.sources {
		name, ok := strings.CutPrefix(dataset, s.prefix)
		if !ok || strings.ContainsAny(name, "/@") || strings.HasPrefix(name, ".") { // deeper, a mounted snapshot, or one that is being renamed
			continue
		}
		if f := s.jails[name]; f != nil {
			return f
		}
		f := &found{source: s, name: name, invalid: config.ValidName(name)}
		if !s.wanted || !l.match(l.names, f) {
			s.others[f.identifier()] = true
			return nil
		}
		s.jails[name] = f
		return f
	}
	return nil
}

func (l *listing) match(terms config.Terms, f *found) bool {
	return len(terms) == 0 || terms.Match(f.generator(l).Field)
}

// datasets reads the datasets of the jails of all wanted sources at once.
func (l *listing) datasets(ctx context.Context, properties ...string) ([]zfsstore.Dataset, error) {
	o := zfsstore.ListOptions{Types: []zfsstore.Type{zfsstore.Filesystem}, Properties: properties}
	var wanted []*listSource
	for _, s := range l.sources {
		if s.wanted {
			wanted = append(wanted, s)
			// Of all pools nothing deeper than the deepest source's jails.
			o.Depth = max(o.Depth, strings.Count(s.prefix, "/"))
		}
	}
	root := ""
	switch len(wanted) {
	case 0:
		return nil, nil
	case 1:
		root, o.Depth = wanted[0].Jails(), 1
	}
	sets, err := l.host.Store.List(ctx, root, o)
	if errors.Is(err, zfsstore.ErrNotFound) || errors.Is(err, zfsstore.ErrNoPool) {
		return nil, nil // a source without a jail yet
	}
	return sets, err
}

// join adds the jails of the kernel and sorts all.
func (l *listing) join(ctx context.Context) error {
	ours := map[string]*found{} // by name in the kernel
	for _, s := range l.sources {
		for _, f := range s.jails {
			ours[f.identifier()] = f
		}
	}
	var foreign []*found
	for p, err := range l.host.Kernel.JailList(ctx, 0, "cpuset.id", "path") {
		if err != nil {
			return fmt.Errorf("list jails: %w", err)
		}
		id := kernel.Identity{JID: p.Int("jid"), Name: p.String("name"), Incarnation: uint64(uint32(p.Int("cpuset.id")))}
		if f := ours[id.Name]; f != nil && livesIn(f.root, f.place(), p.String("path")) {
			f.identity = id
			continue
		}
		f := &found{name: id.Name, path: p.String("path"), identity: id, foreign: true}
		other := slices.ContainsFunc(l.sources, func(s *listSource) bool { return s.others[id.Name] })
		if !other && l.match(l.names, f) {
			foreign = append(foreign, f)
		}
	}
	for _, s := range l.sources {
		for _, name := range slices.Sorted(maps.Keys(s.jails)) {
			l.add(s.jails[name])
		}
	}
	for _, f := range foreign {
		l.add(f)
	}
	return nil
}

func (l *listing) add(f *found) {
	if l.match(l.states, f) {
		l.found = append(l.found, *f)
	}
}

// place returns where the jail's dataset is mounted, or would be.
func (f *found) place() string {
	if f.path == "" && f.storage != nil {
		return f.storage.Mountpoint
	}
	return f.path
}

// identifier returns the jail's name in the kernel.
func (f *found) identifier() string {
	return Identifier(f.source.Source, f.name)
}

// generator makes the jail, without a configuration of its own.
func (f *found) generator(l *listing) *Jail {
	j := &Jail{
		host: l.host, foreign: f.foreign, storage: f.storage,
	}
	full := f.name
	if f.source != nil {
		j.source, j.defaults = f.source.Source, f.source.defaults
		full = fullName(f.source.Source, f.name, len(l.sources))
	}
	j.current.Store(newState(f.name, full, f.path, config.New()))
	if !f.identity.IsZero() {
		j.state().status = Status{Running: true, Identity: f.identity}
	}
	return j
}

// sourceTerms returns the conditions on the source alone: a term source=, and terms
// of names that all have a source before the slash.
func sourceTerms(names config.Terms) config.Terms {
	var out config.Terms
	for _, t := range names {
		if t.Key == "source" {
			out = append(out, t)
			continue
		}
		if t.Key != "name" {
			continue
		}
		var values []string
		for _, p := range t.Values {
			if source, _, ok := strings.Cut(p.String(), "/"); ok {
				values = append(values, source)
			}
		}
		if len(values) < len(t.Values) {
			continue // a name alone is looked for in every source
		}
		if more, err := config.ParseTerms("source=" + strings.Join(values, ",")); err == nil {
			out = append(out, more...)
		}
	}
	return out
}
