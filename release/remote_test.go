package release_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/release/releasetest"
)

// indexOf serves an index of directories, and FreeBSD's page of unsupported
// releases at /unsupported.
func indexOf(t *testing.T, names ...string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/unsupported":
			fmt.Fprint(w, "<table><tr><td>releng/15.0</td><td>15.0-RELEASE</td></tr>",
				"<tr><td>stable/14</td><td>n/a</td></tr></table>")
		case "/missing/":
			http.NotFound(w, r)
		default:
			for _, n := range names {
				fmt.Fprintf(w, "<a href=\"%s/\">%s/</a>\n", n, n)
			}
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestAvailable(t *testing.T) {
	ctx := context.Background()
	now := time.Date(2025, 7, 1, 0, 0, 0, 0, time.UTC)
	h, err := simhost.Open(simhost.Options{Dir: jailtest.MemoryDir(t), Release: "15.1-RELEASE", Clock: func() time.Time { return now }})
	require.NoError(t, err)
	defer h.Close()
	url := indexOf(t, "..", "ISO-IMAGES", "14.2-RELEASE", "13.2-RELEASE", "13.10-RELEASE", "15.0-RELEASE", "15.2-RELEASE", "14.3-STABLE", "16.0-CURRENT", "README")
	text := func(o release.RemoteOptions) string {
		list, err := release.Available(ctx, h.Host, o)
		require.NoError(t, err)
		var b strings.Builder
		for _, r := range list {
			fmt.Fprintf(&b, "%s %s unsupported=%v newer=%v\n", r.Name, r.EndOfLifeFrom, r.Unsupported, r.NewerThanHost)
		}
		return b.String()
	}
	require.Equal(t, `13.2-RELEASE announced unsupported=true newer=false
13.10-RELEASE  unsupported=false newer=false
14.2-RELEASE page unsupported=false newer=false
14.3-STABLE page unsupported=false newer=false
15.0-RELEASE announced unsupported=false newer=false
15.2-RELEASE  unsupported=false newer=true
16.0-CURRENT  unsupported=false newer=true
`, text(release.RemoteOptions{HTTP: plain, Mirror: url}))
	require.Equal(t, `13.2-RELEASE announced unsupported=true newer=false
13.10-RELEASE  unsupported=false newer=false
14.2-RELEASE page unsupported=false newer=false
14.3-STABLE mirror unsupported=true newer=false
15.0-RELEASE mirror unsupported=true newer=false
15.2-RELEASE  unsupported=false newer=true
16.0-CURRENT  unsupported=false newer=true
`, text(release.RemoteOptions{HTTP: plain, Mirror: url, Refresh: true, UnsupportedPage: url + "/unsupported"}))
	_, err = release.Available(ctx, h.Host, release.RemoteOptions{HTTP: plain, Mirror: url + "/missing"})
	require.ErrorIs(t, err, release.ErrNotOnMirror)
	now = time.Date(2025, 10, 1, 0, 0, 0, 0, time.UTC)
	require.Contains(t, text(release.RemoteOptions{HTTP: plain, Mirror: url}), "14.2-RELEASE page unsupported=true")
}

// HardenedBSD names its builds otherwise, has other checksum files and other
// directories.
func TestHardenedBSD(t *testing.T) {
	ctx := context.Background()
	h, _ := newHost(t)
	require.NoError(t, os.MkdirAll(filepath.Dir(h.Files().HBSDUpdate), 0o755))
	require.NoError(t, os.WriteFile(h.Files().HBSDUpdate, nil, 0o755))
	url := indexOf(t, "HardenedBSD-13-STABLE-amd64-LATEST", "HardenedBSD-14-STABLE-arm64-LATEST", "HardenedBSD-CURRENT-amd64-LATEST", "other")
	list, err := release.Available(ctx, h.Host, release.RemoteOptions{HTTP: plain, Mirror: url})
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, "13-STABLE", list[0].Name.String())

	base := releasetest.Archive("txz", "13-STABLE")
	files := map[string][]byte{"base.txz": base}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch strings.TrimPrefix(r.URL.Path, "/HardenedBSD-13-STABLE-amd64-LATEST/") {
		case "CHECKSUMS.SHA256":
			for line := range strings.Lines(releasetest.Manifest(files)) {
				f := strings.Fields(line)
				fmt.Fprintf(w, "SHA256 (%s) = %s\n", f[0], f[1])
			}
		case "base.txz":
			w.Write(base)
		default:
			http.NotFound(w, r)
		}
	}))
	defer s.Close()
	rel, err := release.New(ctx, h.Host, "13-STABLE", "")
	require.NoError(t, err)
	require.NoError(t, wait(rel, release.FetchOptions{HTTP: plain, Mirror: s.URL}))
}

func TestClean(t *testing.T) {
	ctx := context.Background()
	h, base := newHost(t)
	path := filepath.Join(t.TempDir(), "base.tgz")
	require.NoError(t, os.WriteFile(path, releasetest.Archive("tgz", name), 0o644))
	for _, n := range []string{name, "13.3-RELEASE", "14.0-RELEASE", "14.1-RELEASE"} {
		rel, err := release.New(ctx, h.Host, n, "")
		require.NoError(t, err)
		require.NoError(t, wait(rel, release.FetchOptions{Archive: path}))
	}
	for _, c := range []struct {
		name, release string
		basejail      bool
	}{{"cloned", name, false}, {"base", "13.3-RELEASE-p0", true}} {
		j, err := jail.New(ctx, h.Host, jail.Spec{Name: c.name})
		require.NoError(t, err)
		_, err = j.Create(ctx, jail.CreateOptions{Release: c.release, Basejail: c.basejail})
		require.NoError(t, err)
	}
	// The clone of a basejail's root is gone with another hand's doing; it still
	// mounts the release.
	_, err := release.Clean(ctx, h.Host, release.CleanOptions{})
	require.ErrorIs(t, err, release.ErrNoDependants)
	o := release.CleanOptions{Dependants: jail.Dependants(h.Host), Keep: []string{"14.1-RELEASE"}}
	results, err := release.Clean(ctx, h.Host, o)
	require.NoError(t, err)
	got := map[string]error{}
	for _, r := range results {
		got[r.Release.FullName()] = r.Err
	}
	require.ErrorIs(t, got[name], release.ErrInUse)
	var cloned *host.ClonedError
	require.ErrorAs(t, got[name], &cloned)
	require.ErrorIs(t, got["13.3-RELEASE"], release.ErrInUse)
	require.NoError(t, got["14.0-RELEASE"])
	require.ErrorIs(t, got["14.1-RELEASE"], release.ErrKept)
	left, err := release.List(ctx, h.Host)
	require.NoError(t, err)
	require.Len(t, left, 3)

	// A basejail whose root is no clone is found by its configuration.
	j, err := jail.Load(ctx, h.Host, "base")
	require.NoError(t, err)
	require.NoError(t, h.Store.Promote(ctx, j.RootDataset()))
	other, err := release.New(ctx, h.Host, "14.1-RELEASE", "")
	require.NoError(t, err)
	require.NoError(t, j.Config().Set("release", "14.1-RELEASE"))
	require.NoError(t, j.Save(ctx))
	err = events.Wait(ctx, other.Destroy(ctx, release.DestroyOptions{Dependants: jail.Dependants(h.Host)}))
	var used *release.InUseError
	require.ErrorAs(t, err, &used)
	require.Equal(t, []string{"base"}, used.Jails)
	require.ErrorIs(t, err, release.ErrInUse)
	ok, err := base.Fetched(ctx)
	require.NoError(t, err)
	require.True(t, ok)
}
