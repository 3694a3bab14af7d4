package release_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel/simkernel"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/release/releasetest"
)

// TestUpdaterIsThatOfTheTarget: the release that a jail is upgraded to decides between
// freebsd-update(8) and pkg(8), and a tree of the other kind is refused before either
// runs. Before, pkg found no packages in a tree that was extracted from an archive, and
// the upgrade succeeded without changing it; freebsd-update ran on a tree of packages.
func TestUpdaterIsThatOfTheTarget(t *testing.T) {
	for _, c := range []struct {
		name     string
		from, to bool // made of packages
	}{
		{"archive to archive", false, false},
		{"packages to packages", true, true},
		{"archive to packages", false, true},
		{"packages to archive", true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := context.Background()
			u, k := &updater{}, &pkg{}
			h, err := simhost.Open(simhost.Options{
				Dir: jailtest.MemoryDir(t), Release: "15.1-RELEASE",
				Programs: map[string]simkernel.Program{"freebsd-update": u.program, "pkg": k.program},
			})
			require.NoError(t, err)
			defer h.Close()
			fetch := func(name string, packages bool) {
				rel, err := release.New(ctx, h.Host, name, "")
				require.NoError(t, err)
				if packages {
					k.version = name
					require.NoError(t, wait(rel, release.FetchOptions{Packages: &release.PackageOptions{Keys: "none"}}))
					return
				}
				path := filepath.Join(t.TempDir(), "base.tgz")
				require.NoError(t, os.WriteFile(path, releasetest.Archive("tgz", name), 0o644))
				require.NoError(t, wait(rel, release.FetchOptions{Archive: path}))
			}
			fetch("15.0-RELEASE", c.from)
			fetch("15.1-RELEASE", c.to)
			j, err := jail.New(ctx, h.Host, jail.Spec{Name: "web"})
			require.NoError(t, err)
			_, err = j.Create(ctx, jail.CreateOptions{Release: "15.0-RELEASE"})
			require.NoError(t, err)
			before := world(t, h)
			u.to, k.version, k.argv = "15.1-RELEASE", "15.1-RELEASE", nil

			_, err = j.Upgrade(ctx, jail.UpgradeOptions{Release: "15.1-RELEASE"})
			root, rerr := j.RootPath(ctx)
			require.NoError(t, rerr)
			version, verr := release.TreeVersion(root)
			require.NoError(t, verr)
			nothingLeft(t, h)
			if c.from != c.to {
				require.ErrorIs(t, err, release.ErrNotUpdatable)
				require.ErrorContains(t, err, "made of packages")
				require.Empty(t, append(u.ran, k.argv...), "an updater ran")
				require.Equal(t, "15.0-RELEASE", version.String())
				require.Empty(t, differ(before, world(t, h)))
				return
			}
			require.NoError(t, err)
			require.Equal(t, "15.1-RELEASE", version.String())
			if c.to {
				require.Empty(t, u.ran)
				require.Contains(t, k.argv[0], "OSVERSION=1501000")
				require.Contains(t, k.argv[0], "ABI=FreeBSD:15:amd64")
			} else {
				require.Empty(t, k.argv)
				require.Contains(t, u.ran[0], "15.1-RELEASE")
			}
		})
	}
}

// TestUpdateThatChangesTheRelease: an update of a release that brings another release
// fails and is rolled back. Before, it was taken for the next patch level.
func TestUpdateThatChangesTheRelease(t *testing.T) {
	h, rel := updateHost(t, &updater{to: "13.3-RELEASE-p1"})
	before := world(t, h)
	_, err := update(context.Background(), h, rel)
	var other *release.VersionError
	require.ErrorAs(t, err, &other)
	require.ErrorIs(t, err, release.ErrUpdate)
	require.Equal(t, rel.RootDataset(), other.Dataset)
	require.Equal(t, "13.3-RELEASE-p1", other.Got.String())
	require.Equal(t, name, other.Want.String())
	require.Empty(t, differ(before, world(t, h)))
	nothingLeft(t, h)
	require.NoError(t, events.Wait(context.Background(), rel.Destroy(context.Background(), release.DestroyOptions{})))
}
