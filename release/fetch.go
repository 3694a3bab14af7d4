package release

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/mirror"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
)

// FetchOptions say where a release comes from.
type FetchOptions struct {
	// Mirror is the URL or directory that holds one directory per release. The
	// default is FreeBSD's own server for the host's platform, by https. A URL with
	// http needs HTTP.AllowHTTP or SHA256.
	Mirror string
	// Archive, if set, is a local archive (base.txz) to import instead. Without
	// SHA256 it is trusted as it is.
	Archive string
	// SHA256 is the expected checksum of Archive or, without one, of the mirror's
	// MANIFEST (or CHECKSUMS.SHA256), 64 hexadecimal digits. The MANIFEST has the
	// checksums of all assets, so the mirror need not be trusted then. It cannot be
	// given with Packages, and the mirror cannot choose packages instead.
	SHA256 string
	// Assets are the parts to fetch; the default is base alone. libioc fetches
	// lib32 as well.
	Assets []string
	// Packages makes the release of base packages instead, freebsd-base(7). When
	// it is nil, this is done where the mirror has no base.txz for a release of
	// FreeBSD 15 or later.
	Packages *PackageOptions
	// KeepDefaults leaves rc.conf, periodic.conf and sysctl.conf as the archive
	// has them. Otherwise services that make no sense in a jail are turned off,
	// as libioc does.
	KeepDefaults bool
	// Parallel is how many assets are downloaded at a time. The default is 2.
	Parallel int
	// HTTP says how the mirror is talked to.
	HTTP HTTPOptions
	Busy host.Busy
}

// Fetch downloads the release's assets, checks them against the mirror's
// MANIFEST, extracts them into a new dataset and takes the snapshot @p0.
//
// Errors: ErrFetched, ErrHTTP, ErrBusy of package host, and those of the mirror and the
// archive, see [ErrHashMismatch] and its neighbours. A failure leaves no
// dataset; what was downloaded stays in the cache directory, and the next Fetch
// goes on from there.
func (r *Release) Fetch(ctx context.Context, o FetchOptions) <-chan events.IocEvent {
	return r.start(ctx, "fetch", events.FetchRelease{Release: r.name.Base()}, o.Busy, local{http: o.HTTP},
		func(ctx context.Context) (*plan.Plan, error) { return r.planFetch(ctx, o) })
}

func (r *Release) planFetch(ctx context.Context, o FetchOptions) (*plan.Plan, error) {
	ok, err := r.Fetched(ctx)
	if err == nil && !ok {
		ok, err = r.exists(ctx)
	}
	if err != nil {
		return nil, err
	}
	if ok {
		return nil, ErrFetched
	}
	packages, err := r.packaged(ctx, o)
	if err != nil {
		return nil, err
	}
	by := r.madeBy()
	var steps, after step.List
	var fill []plan.Action[step.Env]
	snapshot := plan.Action[step.Env](step.Snapshot{Snapshot: r.RootDataset() + "@" + Snapshot(0), Made: by})
	if packages != nil {
		install, err := r.stepPackages(ctx, *packages)
		if err == nil {
			err = install.authentic(o)
		}
		if err != nil {
			return nil, err
		}
		fill = append(fill, install)
		// They are of the newest patch level, which the snapshot is named after.
		snapshot = stepLevel{RootDataset: r.RootDataset(), Made: by}
	} else {
		location, files, err := r.assets(ctx, o)
		if err != nil {
			return nil, err
		}
		downloads := stepDownload{Location: location, SHA256: o.SHA256, Parallel: cmp.Or(o.Parallel, 2)}
		for _, f := range files {
			if f.Remote {
				downloads.Assets = append(downloads.Assets, f)
			}
			fill = append(fill, stepExtract{f, r.RootDataset()})
		}
		if len(downloads.Assets) > 0 {
			// What is refused is refused before a journal exists.
			if _, err := downloads.open(o.HTTP); err != nil {
				return nil, refused(mirror.ManifestFile, err)
			}
			steps.Add(downloads)
			after.Add(stepForget(downloads))
		}
	}
	steps.Append(step.CreateParents(ctx, r.host, by, r.source.Dataset, r.source.Releases()))
	steps.Add(step.CreateDataset{Dataset: r.Dataset(), Made: by}, step.CreateDataset{Dataset: r.RootDataset(), Made: by})
	steps.Add(fill...)
	if !o.KeepDefaults {
		steps.Add(stepConfigure{r.RootDataset()})
	}
	steps.Add(snapshot)
	steps.Commit()
	steps.Append(after.Steps())
	return steps.Plan("fetch", r.name.Base(), nil)
}

// assets are the archives to extract and where they are.
func (r *Release) assets(ctx context.Context, o FetchOptions) (location string, files []assetArgs, err error) {
	if o.Archive != "" {
		path, err := filepath.Abs(o.Archive)
		return "", []assetArgs{{Asset: filepath.Base(path), File: path, SHA256: o.SHA256}}, err
	}
	location, err = r.location(ctx, o.Mirror)
	if err != nil {
		return "", nil, err
	}
	if len(o.Assets) == 0 {
		o.Assets = []string{"base"}
	}
	seen := map[string]bool{}
	for _, name := range o.Assets {
		if !mirror.IsArchiveName(name) {
			name += ".txz"
		}
		if name != filepath.Base(name) {
			return "", nil, fmt.Errorf("asset %q is not a file name", name)
		}
		if seen[name] {
			return "", nil, fmt.Errorf("asset %q is named twice", name)
		}
		seen[name] = true
		files = append(files, assetArgs{
			Asset: name, Remote: true,
			File: filepath.Join(r.host.CacheDir(), r.source.Name, r.name.Base(), name),
		})
	}
	return location, files, nil
}

// location is the release's directory on a mirror; the empty one is the
// distribution's own.
func (r *Release) location(ctx context.Context, base string) (string, error) {
	from, err := origin(ctx, r.host, base)
	if err != nil {
		return "", err
	}
	return from.base + "/" + from.dir(r.name.Base()), nil
}

// index is a directory that lists a distribution's releases.
type index struct {
	base string
	// dir is how a release's directory in it is called, and name the release of a
	// directory, if it is of the host's platform.
	dir  func(release string) string
	name func(dir string) (release string, ok bool)
}

// origin returns the index at base; the empty one is the distribution's own.
func origin(ctx context.Context, h *host.Host, base string) (index, error) {
	distribution, err := h.Distribution()
	if err != nil {
		return index{}, err
	}
	f, err := h.Kernel.Features(ctx)
	if err != nil {
		return index{}, err
	}
	platform := mirror.Platform{Machine: f.Machine, Arch: f.Arch}
	i := index{
		base: cmp.Or(base, mirror.ReleasesURL(mirror.FreeBSDReleases, platform)),
		dir:  func(release string) string { return release },
		name: func(dir string) (string, bool) { return dir, true },
	}
	if distribution == host.HardenedBSD {
		i = index{
			base: cmp.Or(base, mirror.HardenedBSDReleases),
			dir:  func(release string) string { return mirror.HardenedBSDDir(release, platform) },
			name: func(dir string) (string, bool) { return mirror.HardenedBSDRelease(dir, platform) },
		}
	}
	i.base = strings.TrimRight(i.base, "/")
	return i, nil
}
