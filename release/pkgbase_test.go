package release_test

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel/simkernel"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/release/releasetest"
	"github.com/libioc/go-libioc/zfsstore"
)

// pkg stands in for pkg(8): install makes a userland below --rootdir, upgrade
// replaces its version.
type pkg struct {
	version string
	fail    bool
	argv    [][]string
	conf    string
}

func (k *pkg) program(_ context.Context, p *simkernel.Process) int {
	k.argv = append(k.argv, p.Argv)
	option := func(name string) string {
		if i := slices.Index(p.Argv, name); i >= 0 {
			return p.Argv[i+1]
		}
		return ""
	}
	root, repos := option("--rootdir"), option("--repo-conf-dir")
	conf, err := p.ReadFile(repos + "/FreeBSD-base.conf")
	if err != nil || p.Getenv("ASSUME_ALWAYS_YES") != "yes" {
		fmt.Fprintln(p.Stderr, "pkg: No repositories are enabled.")
		return 1
	}
	k.conf = string(conf)
	version := "#!/bin/sh\nUSERLAND_VERSION=\"" + k.version + "\"\n"
	switch {
	case slices.Contains(p.Argv, "install"):
		// The real one writes below another root with its own hands.
		for _, m := range releasetest.Members("15.1-RELEASE") {
			path := filepath.Join(root, filepath.FromSlash(m.Name))
			switch {
			case m.Type == tar.TypeDir:
				os.MkdirAll(path, 0o755)
			case m.Type == tar.TypeReg && !strings.HasSuffix(m.Name, "freebsd-update"):
				os.WriteFile(path, []byte(m.Body), os.FileMode(m.Mode)&0o777)
			}
			if k.fail {
				fmt.Fprintln(p.Stderr, "pkg: Not enough space in /var/cache/pkg")
				return 1
			}
		}
		os.WriteFile(filepath.Join(root, "usr/sbin/pkg"), []byte("#!/bin/sh\n"), 0o555)
		os.Remove(filepath.Join(root, "bin/freebsd-version"))
		os.WriteFile(filepath.Join(root, "bin/freebsd-version"), []byte(version), 0o555)
	case slices.Contains(p.Argv, "upgrade"):
		old, err := p.ReadFile(root + "/bin/freebsd-version")
		if err != nil {
			return 1
		}
		if string(old) == version {
			fmt.Fprintln(p.Stdout, "Checking for upgrades (1 candidates): 100%\nYour packages are up to date.")
			return 0
		}
		p.WriteFile(root+"/bin/freebsd-version", []byte(version), 0o555)
	}
	return 0
}

func packageHost(t *testing.T, k *pkg) (*simhost.Host, *release.Release) {
	t.Helper()
	h, err := simhost.Open(simhost.Options{Dir: jailtest.MemoryDir(t), Release: "15.1-RELEASE", Programs: map[string]simkernel.Program{"pkg": k.program}})
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	rel, err := release.New(context.Background(), h.Host, "15.1-RELEASE", "")
	require.NoError(t, err)
	return h, rel
}

// keys is a directory of trusted keys.
func keys(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pkgbase-15")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "trusted"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "trusted", "key"), []byte("key"), 0o644))
	return dir
}

func TestFetchPackages(t *testing.T) {
	ctx := context.Background()
	k := &pkg{version: "15.1-RELEASE-p1"}
	h, rel := packageHost(t, k)
	dir := keys(t)
	require.NoError(t, wait(rel, release.FetchOptions{Packages: &release.PackageOptions{Keys: dir}}))
	root, err := h.Mountpoint(ctx, rel.RootDataset())
	require.NoError(t, err)
	require.Equal(t, []string{
		"/usr/sbin/pkg", "--rootdir", root, "--repo-conf-dir", filepath.Join(h.CacheDir(), "ioc", "15.1-RELEASE.pkg"),
		"-o", "ABI=FreeBSD:15:amd64", "-o", "OSVERSION=1501000", "-o", "IGNORE_OSVERSION=yes",
		"install", "-y", "-r", "FreeBSD-base", "FreeBSD-set-base-jail",
	}, k.argv[0])
	require.Equal(t, `FreeBSD-base: {
  url: "pkg+https://pkg.FreeBSD.org/FreeBSD:15:amd64/base_release_1",
  mirror_type: "srv",
  signature_type: "fingerprints",
  fingerprints: "`+dir+`",
  enabled: yes
}
`, k.conf)
	require.FileExists(t, filepath.Join(root, dir, "trusted", "key"), "pkg looks for keys below its root")
	require.NoDirExists(t, filepath.Join(h.CacheDir(), "ioc", "15.1-RELEASE.pkg"))
	levels, err := rel.PatchLevels(ctx)
	require.NoError(t, err)
	require.Equal(t, []int{1}, levels, "the snapshot is named after the packages' level")
	conf, err := os.ReadFile(filepath.Join(root, "etc/rc.conf"))
	require.NoError(t, err)
	require.Contains(t, string(conf), "netif_enable=\"NO\"")

	// A jail of it is made and updated with packages as well.
	j, err := jail.New(ctx, h.Host, jail.Spec{Name: "web"})
	require.NoError(t, err)
	_, err = j.Create(ctx, jail.CreateOptions{Release: "15.1-RELEASE"})
	require.NoError(t, err)
	k.version = "15.1-RELEASE-p2"
	up := release.UpdateOptions{Runner: jail.NewRunner(h.Host)}
	require.NoError(t, events.Wait(ctx, rel.Update(ctx, up)))
	require.NoError(t, events.Wait(ctx, rel.Update(ctx, up)), "nothing to do")
	levels, err = rel.PatchLevels(ctx)
	require.NoError(t, err)
	require.Equal(t, []int{2, 1}, levels)
	_, err = j.Update(ctx, jail.UpdateOptions{})
	require.NoError(t, err)
	path, err := j.RootPath(ctx)
	require.NoError(t, err)
	version, err := release.TreeVersion(path)
	require.NoError(t, err)
	require.Equal(t, "15.1-RELEASE-p2", version.String())
	require.Equal(t, []string{
		"/usr/sbin/pkg", "--rootdir", "/mnt", "--repo-conf-dir", "/usr/local/etc/pkg/repos",
		"-o", "ABI=FreeBSD:15:amd64", "-o", "OSVERSION=1501000", "-o", "IGNORE_OSVERSION=yes", "upgrade", "-y", "-r", "FreeBSD-base",
	}, k.argv[len(k.argv)-1])
	nothingLeft(t, h)
}

func TestFetchPackagesFails(t *testing.T) {
	ctx := context.Background()
	k := &pkg{version: "15.1-RELEASE", fail: true}
	h, rel := packageHost(t, k)
	before := world(t, h)
	for _, c := range []struct {
		options release.PackageOptions
		want    error
	}{
		{release.PackageOptions{Keys: keys(t)}, release.ErrPackages},
		{release.PackageOptions{Keys: filepath.Join(t.TempDir(), "none")}, release.ErrNoKeys},
		{release.PackageOptions{Repository: "https://a\"b"}, release.ErrPackages},
		{release.PackageOptions{Sets: []string{"--help"}}, release.ErrPackages},
	} {
		err := wait(rel, release.FetchOptions{Packages: &c.options})
		require.ErrorIs(t, err, c.want)
		require.Empty(t, differ(before, world(t, h)))
		var failed *release.PackageError
		if errors.As(err, &failed) {
			require.Contains(t, failed.Output, "Not enough space")
		}
	}
	k.fail = false
	require.NoError(t, wait(rel, release.FetchOptions{Packages: &release.PackageOptions{Keys: "none", Sets: []string{"FreeBSD-set-minimal-jail"}}}))
	require.NotContains(t, k.conf, "fingerprints")
	_, err := h.Store.Get(ctx, rel.RootDataset()+"@p0", zfsstore.GetOptions{})
	require.NoError(t, err)
}

// TestPackagesWhereNoArchive: a mirror without base.txz is no mirror of archives
// from FreeBSD 15 on; before, it is an error.
func TestPackagesWhereNoArchive(t *testing.T) {
	k := &pkg{version: "15.1-RELEASE"}
	h, rel := packageHost(t, k)
	bare := httptest.NewServer(releasetest.Mirror("9.9-RELEASE"))
	defer bare.Close()
	err := wait(rel, release.FetchOptions{HTTP: plain, Mirror: bare.URL})
	require.ErrorIs(t, err, release.ErrNoKeys, "the host of this test has none")
	old, err := release.New(context.Background(), h.Host, "14.3-RELEASE", "")
	require.NoError(t, err)
	require.ErrorIs(t, wait(old, release.FetchOptions{HTTP: plain, Mirror: bare.URL}), release.ErrNotOnMirror)
	full := httptest.NewServer(releasetest.Mirror("15.1-RELEASE"))
	defer full.Close()
	require.NoError(t, wait(rel, release.FetchOptions{HTTP: plain, Mirror: full.URL}))
	require.Empty(t, k.argv, "the archive is there")
}
