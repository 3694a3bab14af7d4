package jail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/zfsstore"
)

// Space is the disk usage of a dataset as reported by ZFS, which df(1) and
// zfs-get(8) show.
type Space struct {
	Used      uint64 // bytes, by the dataset and all below it
	Available uint64 // bytes
	Quota     uint64 // bytes; 0 for none
	Reserved  uint64 // bytes, the property reservation; 0 for none
	// CompressRatio is how many times smaller the data became; 1 for not at all.
	CompressRatio float64
	Compression   string // such as "lz4" or "off"
	Dedup         string // such as "off"
	Origin        string // snapshot the dataset is a clone of; "" if it is not a clone
	Mountpoint    string // "" if it has none
}

var spaceProperties = []string{"quota", "reservation", "compressratio", "compression", "dedup"}

// Space reads the disk usage of the jail's dataset. Errors: ErrNotFound and those
// of the Store.
func (j *Jail) Space(ctx context.Context) (Space, error) {
	d, err := j.host.Store.Get(ctx, j.Dataset(), zfsstore.GetOptions{Properties: spaceProperties})
	if errors.Is(err, zfsstore.ErrNotFound) {
		err = ErrNotFound
	}
	if err != nil {
		return Space{}, j.refused("read the space of", err)
	}
	return spaceOf(d), nil
}

// Spaces reads the disk usage of all jails, by [Jail.Dataset], with one process for
// each source, however many jails there are.
func Spaces(ctx context.Context, h *host.Host) (map[string]Space, error) {
	sources, err := h.Sources(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]Space{}
	for _, s := range sources {
		sets, err := h.Store.List(ctx, s.Jails(), zfsstore.ListOptions{
			Depth: 1, Types: []zfsstore.Type{zfsstore.Filesystem}, Properties: spaceProperties,
		})
		if errors.Is(err, zfsstore.ErrNotFound) {
			continue // no jail was ever made
		}
		if err != nil {
			return nil, err
		}
		for _, d := range sets {
			if d.Name != s.Jails() {
				out[d.Name] = spaceOf(d)
			}
		}
	}
	return out, nil
}

// ClonedFrom names the jail or template whose root a jail's own root is a clone of, by
// [Jail.FullName] of both. A jail whose root is a clone of a release's is not among them.
// Errors are those of host.Sources and of the Store.
func ClonedFrom(ctx context.Context, h *host.Host) (map[string]string, error) {
	sources, err := h.Sources(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, s := range sources {
		sets, err := h.Store.List(ctx, s.Jails(), zfsstore.ListOptions{Depth: 2, Types: []zfsstore.Type{zfsstore.Filesystem}})
		if errors.Is(err, zfsstore.ErrNotFound) {
			continue // no jail was ever made
		}
		if err != nil {
			return nil, err
		}
		nameOf := func(root string) (string, bool) {
			name, ok := strings.CutPrefix(root, s.Jails()+"/")
			name, isRoot := strings.CutSuffix(name, "/root")
			return fullName(s, name, len(sources)), ok && isRoot && !strings.Contains(name, "/")
		}
		for _, d := range sets {
			origin, _, _ := strings.Cut(d.Origin, "@")
			from, ok := nameOf(origin)
			if name, is := nameOf(d.Name); ok && is {
				out[name] = from
			}
		}
	}
	return out, nil
}

func spaceOf(d zfsstore.Dataset) Space {
	number := func(name string) uint64 {
		n, _ := strconv.ParseUint(d.Properties[name].Value, 10, 64)
		return n
	}
	ratio, err := strconv.ParseFloat(strings.TrimSuffix(d.Properties["compressratio"].Value, "x"), 64)
	if err != nil {
		ratio = 1
	}
	return Space{
		Used: d.Used, Available: d.Available, Quota: number("quota"), Reserved: number("reservation"),
		CompressRatio: ratio, Compression: d.Properties["compression"].Value, Dedup: d.Properties["dedup"].Value,
		Origin: d.Origin, Mountpoint: d.Mountpoint,
	}
}

// Text writes one of the properties available, used, quota, reservation,
// compressratio, compression, dedup, mountpoint and origin as zfs-get(8) prints
// it; ok is false for any other.
func (s Space) Text(property string) (text string, ok bool) {
	limit := func(n uint64) string {
		if n == 0 {
			return "none"
		}
		return sizeText(n)
	}
	switch property {
	case "available":
		return sizeText(s.Available), true
	case "used":
		return sizeText(s.Used), true
	case "quota":
		return limit(s.Quota), true
	case "reservation":
		return limit(s.Reserved), true
	case "compressratio":
		return fmt.Sprintf("%.2fx", s.CompressRatio), true
	case "compression":
		return cmp.Or(s.Compression, "off"), true
	case "dedup":
		return cmp.Or(s.Dedup, "off"), true
	case "mountpoint":
		return cmp.Or(s.Mountpoint, "none"), true
	case "origin":
		return cmp.Or(s.Origin, "-"), true
	}
	return "", false
}

// sizeText writes bytes as zfs(8) does: at most five characters, with as many
// decimals as fit.
func sizeText(n uint64) string {
	const units = "BKMGTPE"
	unit, scale := 0, uint64(1)
	for n/scale >= 1024 && unit < len(units)-1 {
		unit++
		scale *= 1024
	}
	suffix := units[unit : unit+1]
	if n%scale == 0 {
		return fmt.Sprintf("%d%s", n/scale, suffix)
	}
	for digits := 2; ; digits-- {
		text := fmt.Sprintf("%.*f%s", digits, float64(n)/float64(scale), suffix)
		if len(text) <= 5 || digits == 0 {
			return text
		}
	}
}

// Defaults returns the properties that jails of a source inherit, and the disk
// usage of the dataset that holds them; the empty source is the main one. They are
// in the source's defaults file or, if there is none, properties of the dataset
// .defaults, where iocage_legacy keeps them. Without either the configuration is
// empty. Its Save with Space.Mountpoint writes the defaults file, without a lock;
// properties it refuses with config.ErrNotStorable.
//
// Errors: host.ErrSourceNotFound, host.ErrNotActivated, config.ErrMalformed and
// those of the Store.
func Defaults(ctx context.Context, h *host.Host, source string) (*config.Config, Space, error) {
	s, err := h.Source(ctx, source)
	if err != nil {
		return nil, Space{}, err
	}
	mounts, err := h.Mounts(ctx)
	if err != nil {
		return nil, Space{}, err
	}
	c, inFile, err := defaultsFile(mounts, s)
	if err != nil {
		return nil, Space{}, err
	}
	dataset := s.Dataset
	legacy, err := h.Store.Get(ctx, dataset+"/.defaults", zfsstore.GetOptions{Properties: []string{zfsstore.AllProperties}})
	switch {
	case err == nil && !inFile:
		c, dataset = legacyConfig(legacy), legacy.Name
	case err != nil && !errors.Is(err, zfsstore.ErrNotFound):
		return nil, Space{}, err
	}
	d, err := h.Store.Get(ctx, dataset, zfsstore.GetOptions{Properties: spaceProperties})
	if err != nil {
		return nil, Space{}, err
	}
	return c, spaceOf(d), nil
}

// defaultsFile reads the defaults file of a source; without one the configuration
// is empty.
func defaultsFile(mounts host.MountTable, s host.Source) (c *config.Config, ok bool, err error) {
	path, mounted := mounts.Dataset(s.Dataset)
	if !mounted {
		return config.NewDefaults(), true, nil // legacy defaults do not take the place of an unseen file
	}
	c, err = config.ReadDefaults(path)
	if errors.Is(err, config.ErrNoConfig) {
		return config.NewDefaults(), false, nil
	}
	return c, err == nil, err
}

// legacyConfig reads the configuration in the local user properties of a dataset.
// Inherited ones belong to a parent.
func legacyConfig(d zfsstore.Dataset) *config.Config {
	local := map[string]string{}
	for name, p := range d.Properties {
		if p.Source == zfsstore.SourceLocal {
			local[name] = p.Value
		}
	}
	return config.FromProperties(local)
}
