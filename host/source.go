package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/internal/rcconf"
)

// ActiveProperty is the user property of a pool's root dataset that libioc and
// iocage set to "yes" on the pool in use.
const ActiveProperty = "org.freebsd.ioc:active"

// Source is a root dataset: jails are in Dataset/jails, releases in
// Dataset/releases.
type Source struct {
	// Name has letters, digits and single - or _ between them; "ioc" by default. No
	// source is called as another one with a dash and more, see ErrSourceNames.
	Name    string
	Dataset string // such as "zroot/iocage"
}

// Jails returns the dataset that holds one child per jail.
func (s Source) Jails() string { return s.Dataset + "/jails" }

// Releases returns the dataset that holds one child per release.
func (s Source) Releases() string { return s.Dataset + "/releases" }

// Errors of sources.
var (
	// ErrNotActivated means that the host has no source.
	ErrNotActivated = errors.New("no root dataset: set ioc_dataset_NAME in rc.conf, or " + ActiveProperty + "=yes on a pool")
	// ErrInvalidSourceName means that a name breaks the rule of Source.Name.
	ErrInvalidSourceName = errors.New("invalid source name")
	// ErrSourceNames means that jails of two sources could have the same name in the
	// kernel: a jail b-c of the source a and a jail c of the source a-b are both a-b-c.
	ErrSourceNames = errors.New("sources whose jails could have the same name in the kernel")
	// ErrSourceNotFound means that no source has that name.
	ErrSourceNotFound = errors.New("source not found")
	// ErrNotMounted means that a dataset that is needed is not mounted.
	ErrNotMounted = errors.New("dataset is not mounted")
)

var sourceName = regexp.MustCompile(`^[A-Za-z0-9]+([-_]?[A-Za-z0-9]+)*$`)

func (s Source) check() error {
	if !sourceName.MatchString(s.Name) {
		return fmt.Errorf("%w: %q", ErrInvalidSourceName, s.Name)
	}
	if s.Dataset == "" || strings.ContainsAny(s.Dataset, "@# \t\n") {
		return fmt.Errorf("source %s: invalid dataset %q", s.Name, s.Dataset)
	}
	return nil
}

// checkSources checks sources that are used together.
func checkSources(all []Source) error {
	for _, s := range all {
		if err := s.check(); err != nil {
			return err
		}
	}
	for i, s := range all {
		for k, other := range all {
			if i != k && strings.HasPrefix(other.Name+"-", s.Name+"-") {
				return fmt.Errorf("%w: %s (%s) and %s (%s)", ErrSourceNames, s.Name, s.Dataset, other.Name, other.Dataset)
			}
		}
	}
	return nil
}

// Sources returns the host's root datasets, the main one first. They are looked up once.
// Errors: ErrNotActivated if the host has no source, ErrInvalidSourceName,
// ErrSourceNames.
func (h *Host) Sources(ctx context.Context) ([]Source, error) {
	if len(h.opts.Sources) > 0 {
		return h.opts.Sources, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sources != nil {
		return h.sources, nil
	}
	found, err := h.rcSources()
	if err == nil && len(found) == 0 {
		found, err = h.poolSource(ctx)
	}
	if err != nil {
		return nil, err
	}
	h.sources = found
	return found, nil
}

// Source returns a source by name; the empty name is the main one.
func (h *Host) Source(ctx context.Context, name string) (Source, error) {
	all, err := h.Sources(ctx)
	if err != nil {
		return Source{}, err
	}
	if name == "" {
		return all[0], nil
	}
	for _, s := range all {
		if s.Name == name {
			return s, nil
		}
	}
	return Source{}, fmt.Errorf("%w: %q", ErrSourceNotFound, name)
}

// rcSources reads ioc_dataset_NAME from rc.conf(5), in order of appearance.
func (h *Host) rcSources() ([]Source, error) {
	data, err := os.ReadFile(h.opts.Files.RCConf)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	const prefix = "ioc_dataset_"
	conf, err := rcconf.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h.opts.Files.RCConf, err)
	}
	var out []Source
	for _, key := range conf.Names() {
		name, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		dataset, _ := conf.Get(key)
		out = append(out, Source{Name: name, Dataset: dataset})
	}
	if err := checkSources(out); err != nil {
		return nil, fmt.Errorf("%s: %w", h.opts.Files.RCConf, err)
	}
	return out, nil
}

// poolSource finds the pool that was activated with libioc or iocage. One that is
// read-only may be active as well, because Activate cannot change it: another one that
// is active goes before it.
func (h *Host) poolSource(ctx context.Context) ([]Source, error) {
	pools, err := h.Pools(ctx)
	if err != nil {
		return nil, err
	}
	active := slices.DeleteFunc(pools, func(p PoolStatus) bool { return !p.Usable() || !p.Active })
	if len(active) == 0 {
		return nil, ErrNotActivated
	}
	i := max(0, slices.IndexFunc(active, PoolStatus.writable))
	return []Source{{Name: "ioc", Dataset: active[i].Name + "/iocage"}}, nil
}

func truthy(s string) bool {
	switch strings.ToLower(s) {
	case "yes", "true", "on", "1":
		return true
	}
	return false
}
