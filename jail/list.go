package jail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/zfsstore"
)

// ListOptions say what is listed and in which order. The zero value lists all
// jails.
type ListOptions struct {
	// Filters are libioc's selectors: "web" or "name=web", globs with * and +,
	// "source/name", "release=13.2-RELEASE,13.3-RELEASE", "running=yes",
	// "user.tier=db"; all of them must match, with one of
	// the values between commas. The keys are those of [Jail.Field]; another one
	// is config.ErrUnknownProperty.
	Filters []string
	// MountedOnly leaves out jails whose dataset is not mounted. Then getfsstat(2)
	// is enough and no process is started; the jails have no Storage, and a jail of
	// iocage_legacy 1.7, whose configuration is in ZFS properties, comes with
	// config.ErrNoConfig.
	MountedOnly bool
	// Sort orders by the values of these keys, with "-" before a key in reverse
	// order; numbers are compared as numbers. The list is then read to its end before
	// the first jail is returned. Without it jails come in the order in which they are
	// read: by source, by name, foreign jails last.
	Sort []string
}

// List finds the jails of all sources that match the filters, and the running
// jails that belong to no source, see [Jail.Foreign]. It is [ListOptions.List] with
// filters only.
func List(ctx context.Context, h *host.Host, filters ...string) iter.Seq2[*Jail, error] {
	return ListOptions{Filters: filters}.List(ctx, h)
}

// List finds jails: by one bulk read of ZFS (at most two processes however many
// jails and sources there are, the second one for configurations in ZFS
// properties), one pass of jail_get(2) and one reading of each configuration
// file. Filters are judged as soon as they can be: by name before anything is
// read, by what the kernel says before the file is.
//
// A jail that cannot be read comes with its error and a Jail that has its name; it
// does not end the list. It is in the list even if a filter asks for a property. A
// failure of the list itself comes with a nil Jail and ends it.
//
// A Jail's Status is from the pass over the kernel's jails.
func (o ListOptions) List(ctx context.Context, h *host.Host) iter.Seq2[*Jail, error] {
	if err := usable(ctx, h); err != nil {
		return func(yield func(*Jail, error) bool) { yield(nil, err) }
	}
	if len(o.Sort) > 0 {
		return o.sorted(ctx, h)
	}
	return func(yield func(*Jail, error) bool) {
		l, err := o.prepare(ctx, h)
		if err != nil {
			yield(nil, err)
			return
		}
		for i := range l.found {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			j, err := l.load(ctx, &l.found[i])
			l.found[i] = found{} // a long list is not held twice
			if err == nil && !l.rest.Match(j.Field) {
				continue
			}
			if !yield(j, err) {
				return
			}
		}
	}
}

// prepare parses the filters and finds the jails that may match them.
func (o ListOptions) prepare(ctx context.Context, h *host.Host) (*listing, error) {
	terms, err := config.ParseTerms(strings.Join(o.Filters, " "))
	if err != nil {
		return nil, err
	}
	l := &listing{host: h, mountedOnly: o.MountedOnly}
	for _, t := range terms {
		if _, property := config.Lookup(t.Key); !property && !isFact(t.Key) {
			return nil, &config.PropertyError{Key: t.Key, Reason: "no jail has this", Err: config.ErrUnknownProperty}
		}
		switch {
		case nameKeys[t.Key]:
			l.names = append(l.names, t)
		case kernelKeys[t.Key]:
			l.states = append(l.states, t)
		default:
			l.rest = append(l.rest, t)
		}
	}
	return l, l.find(ctx)
}

// load reads the configuration of a jail that was found.
func (l *listing) load(ctx context.Context, f *found) (*Jail, error) {
	j := f.generator(l)
	if f.foreign {
		j.defaults = config.New()
		return j, nil
	}
	fail := func(err error) (*Jail, error) { return j, &Error{"list", j.FullName(), err} }
	switch {
	case f.invalid != nil:
		return fail(f.invalid)
	case f.path == "":
		return fail(fmt.Errorf("%w: %s", host.ErrNotMounted, j.Dataset()))
	case f.source.broken != nil:
		return fail(f.source.broken)
	}
	own, err := config.ReadDir(f.path)
	if errors.Is(err, config.ErrNoConfig) && !l.mountedOnly {
		own, err = l.legacy(ctx, j.Dataset())
	}
	if err != nil {
		return fail(err)
	}
	j.state().set(own) // nobody else has it yet
	return j, nil
}

// legacy returns the configuration in the ZFS user properties of iocage_legacy 1.7.
// Those of all jails of all sources are read at once, when the first jail without a
// file is met.
func (l *listing) legacy(ctx context.Context, dataset string) (*config.Config, error) {
	if l.properties == nil {
		l.properties = map[string]*config.Config{}
		var sets []zfsstore.Dataset
		sets, l.propertiesErr = l.datasets(ctx, zfsstore.AllProperties)
		for _, d := range sets {
			l.properties[d.Name] = legacyConfig(d)
		}
	}
	if l.propertiesErr != nil {
		return nil, l.propertiesErr
	}
	if c := l.properties[dataset]; c != nil && len(c.Keys()) > 0 {
		return c, nil
	}
	return config.New(), nil // an empty jail
}

// sorted reads the list to its end and sorts it.
func (o ListOptions) sorted(ctx context.Context, h *host.Host) iter.Seq2[*Jail, error] {
	type row struct {
		jail *Jail
		err  error
		by   []string
	}
	keys := o.Sort
	o.Sort = nil
	return func(yield func(*Jail, error) bool) {
		var rows []row
		for j, err := range o.List(ctx, h) {
			if j == nil {
				yield(nil, err)
				return
			}
			r := row{jail: j, err: err, by: make([]string, len(keys))}
			for i, key := range keys {
				values, _ := j.Field(strings.TrimPrefix(key, "-"))
				r.by[i] = strings.Join(values, ",")
			}
			rows = append(rows, r)
		}
		slices.SortStableFunc(rows, func(a, b row) int {
			for i, key := range keys {
				c := compareField(a.by[i], b.by[i])
				if strings.HasPrefix(key, "-") {
					c = -c
				}
				if c != 0 {
					return c
				}
			}
			return 0
		})
		for _, r := range rows {
			if !yield(r.jail, r.err) {
				return
			}
		}
	}
}

// compareField compares two numbers as numbers, otherwise as texts; numbers come
// first.
func compareField(a, b string) int {
	x, errX := strconv.ParseInt(a, 10, 64)
	y, errY := strconv.ParseInt(b, 10, 64)
	switch {
	case errX == nil && errY == nil:
		return cmp.Compare(x, y)
	case errX == nil:
		return -1
	case errY == nil:
		return 1
	}
	return strings.Compare(a, b)
}
