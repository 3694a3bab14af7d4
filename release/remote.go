package release

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/mirror"
)

// Remote is a release that a mirror has.
type Remote struct {
	Name Name
	// EndOfLife is the end of its support; zero when nobody has told. It is an
	// estimate as long as it lies in the future.
	EndOfLife time.Time
	// EndOfLifeFrom says who told: "page" (the security officer's, as stored with
	// this library), "announced" (with the release, likewise), "mirror" (the
	// page, read now), or "".
	EndOfLifeFrom string
	// Unsupported: the end of life has passed.
	Unsupported bool
	// NewerThanHost: a jail of it does not fit the host's kernel.
	NewerThanHost bool
}

// RemoteOptions say which list is read.
type RemoteOptions struct {
	// Mirror is the URL or directory that holds one directory per release, as in
	// FetchOptions.
	Mirror string
	HTTP   HTTPOptions
	// Refresh reads the security officer's page of unsupported releases as well,
	// which knows those that ended after this library was made.
	Refresh bool
	// UnsupportedPage is the URL of that page; default FreeBSD's own.
	UnsupportedPage string
}

// Available lists the releases of a mirror for the host's platform, the oldest
// first, with their end of life. Errors: ErrNotOnMirror, ErrHTTP and those of the
// transfer, as an *AssetError. When only the page that Refresh asks for cannot be read,
// the list comes with the error.
func Available(ctx context.Context, h *host.Host, o RemoteOptions) ([]Remote, error) {
	from, err := origin(ctx, h, o.Mirror)
	if err != nil {
		return nil, err
	}
	m, err := mirror.Open(from.base, o.HTTP.mirror())
	if err != nil {
		return nil, refused(from.base, err)
	}
	dirs, err := m.List(ctx)
	if err != nil {
		return nil, refused(from.base, err)
	}
	unsupported, late := o.unsupported(ctx)
	newest, err := h.Release(ctx)
	if err != nil {
		return nil, err
	}
	kernel, err := ParseName(newest)
	if err != nil {
		return nil, err
	}
	var out []Remote
	for _, d := range dirs {
		text, ok := from.name(d)
		n, err := ParseName(text)
		if !ok || err != nil || n.Branch() == "" {
			continue // something else in the index
		}
		r := Remote{Name: n, NewerThanHost: newerThan(n, kernel)}
		if end, who, ok := mirror.EndOfLife(text); ok {
			r.EndOfLife, r.EndOfLifeFrom, r.Unsupported = end, who, !h.Now().Before(end)
		}
		if !r.Unsupported && (slices.Contains(unsupported, text) || slices.Contains(unsupported, stable(n))) {
			r.Unsupported, r.EndOfLifeFrom = true, "mirror"
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Remote) int { return a.Name.Compare(b.Name) })
	return out, late
}

func (o RemoteOptions) unsupported(ctx context.Context) ([]string, error) {
	if !o.Refresh {
		return nil, nil
	}
	page := cmp.Or(o.UnsupportedPage, mirror.FreeBSDUnsupported)
	m, err := mirror.Open(page, o.HTTP.mirror())
	if err != nil {
		return nil, refused(page, err)
	}
	names, err := m.Unsupported(ctx)
	if err != nil {
		return nil, refused(page, err)
	}
	return names, nil
}

// stable is the branch's own name on that page, "13-STABLE" of 13.2-STABLE.
func stable(n Name) string {
	if n.Branch() != BranchStable {
		return "-"
	}
	return strconv.Itoa(n.Major()) + "-" + string(BranchStable)
}

// newerThan compares versions alone: 13.2-STABLE runs on a 13.2-RELEASE kernel.
func newerThan(n, kernel Name) bool {
	if !n.HasVersion() || !kernel.HasVersion() {
		return n.Branch() == BranchCurrent && kernel.Branch() != BranchCurrent
	}
	return n.Major() > kernel.Major() || n.Major() == kernel.Major() && n.Minor() > kernel.Minor() && kernel.Minor() >= 0
}
