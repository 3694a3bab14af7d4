package release_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/release/releasetest"
)

const name = "13.2-RELEASE"

var releaseTime = time.Date(2023, 4, 7, 0, 0, 0, 0, time.UTC)

// plain is for mirrors in this process.
var plain = release.HTTPOptions{AllowHTTP: true}

func newHost(t *testing.T) (*simhost.Host, *release.Release) {
	t.Helper()
	h, err := simhost.New(jailtest.MemoryDir(t))
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	rel, err := release.New(context.Background(), h.Host, name, "")
	require.NoError(t, err)
	return h, rel
}

// serve is a mirror that has one asset, with a MANIFEST that names hash, or
// the asset's own.
func serve(t *testing.T, asset []byte, hash string) string {
	t.Helper()
	if hash == "" {
		hash = fmt.Sprintf("%x", sha256.Sum256(asset))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/"+name+"/MANIFEST", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "base.txz\t%s\t1\tbase\t\"Base system\"\ton\n", hash)
	})
	mux.HandleFunc("/"+name+"/base.txz", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "base.txz", releaseTime, bytes.NewReader(asset))
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func wait(rel *release.Release, o release.FetchOptions) error {
	ctx := context.Background()
	return events.Wait(ctx, rel.Fetch(ctx, o))
}

func TestFetch(t *testing.T) {
	h, rel := newHost(t)
	server := httptest.NewServer(releasetest.Mirror(name))
	defer server.Close()
	ctx := context.Background()

	var received int64
	for e := range rel.Fetch(ctx, release.FetchOptions{HTTP: plain, Mirror: server.URL}) {
		require.NoError(t, e.Head().Err)
		if d, ok := e.(events.ReleaseAssetDownload); ok && d.State == events.Done {
			received = d.Received
			require.Equal(t, d.Total, d.Received)
		}
	}
	require.Positive(t, received)
	ok, err := rel.Fetched(ctx)
	require.NoError(t, err)
	require.True(t, ok)
	levels, err := rel.PatchLevels(ctx)
	require.NoError(t, err)
	require.Equal(t, []int{0}, levels)

	root, err := h.Mountpoint(ctx, rel.RootDataset())
	require.NoError(t, err)
	conf, err := os.ReadFile(filepath.Join(root, "etc/rc.conf"))
	require.NoError(t, err)
	require.Contains(t, string(conf), "sendmail_enable=\"NO\"\n")
	require.Contains(t, string(conf), "cron_flags=\"-m ''\"\n")
	conf, err = os.ReadFile(filepath.Join(root, "etc/periodic.conf"))
	require.NoError(t, err)
	require.Equal(t, 4, strings.Count(string(conf), "=\"NO\"\n"), string(conf))
	conf, err = os.ReadFile(filepath.Join(root, "etc/sysctl.conf"))
	require.NoError(t, err)
	require.Equal(t, "net.inet.ip.fw.enable=0\n", string(conf))
	_, err = os.Stat(h.CacheDir())
	require.ErrorIs(t, err, fs.ErrNotExist, "downloads are left behind")

	require.ErrorIs(t, wait(rel, release.FetchOptions{HTTP: plain, Mirror: server.URL}), release.ErrFetched)

	list, err := release.List(ctx, h.Host)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.NoError(t, events.Wait(ctx, rel.Destroy(ctx, release.DestroyOptions{})))
	require.ErrorIs(t, events.Wait(ctx, rel.Destroy(ctx, release.DestroyOptions{})), release.ErrNotFetched)
}

func TestImport(t *testing.T) {
	for _, format := range []string{"tgz", "txz", "tar"} {
		t.Run(format, func(t *testing.T) {
			_, rel := newHost(t)
			path := filepath.Join(t.TempDir(), "base."+format)
			require.NoError(t, os.WriteFile(path, releasetest.Archive(format, name), 0o644))
			require.NoError(t, wait(rel, release.FetchOptions{Archive: path}))
			ok, err := rel.Fetched(context.Background())
			require.NoError(t, err)
			require.True(t, ok)
			require.FileExists(t, path, "the archive is the caller's")
		})
	}
}

// TestArchiveAttacks fetches archives that want out of the root: each is a
// typed error, nothing is written outside, no dataset is left, and a good
// archive can be fetched afterwards.
func TestArchiveAttacks(t *testing.T) {
	h, rel := newHost(t)
	ctx := context.Background()
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.MkdirAll(outside, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600))

	good := releasetest.Archive("txz", name)
	file := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644} }
	cases := []struct {
		name    string
		archive []byte
		hash    string
		want    error
	}{
		{"absolute path", pack(t, file(outside+"/x")), "", release.ErrIllegalMember},
		{"dot dot", pack(t, file("./a/../../../x")), "", release.ErrIllegalMember},
		{"through a symlink", pack(t,
			tar.Header{Name: "./out", Typeflag: tar.TypeSymlink, Linkname: outside},
			file("./out/x")), "", release.ErrIllegalMember},
		{"hard link out", pack(t,
			tar.Header{Name: "./link", Typeflag: tar.TypeLink, Linkname: outside + "/secret"}), "", release.ErrIllegalMember},
		{"hard link dot dot", pack(t,
			tar.Header{Name: "./link", Typeflag: tar.TypeLink, Linkname: "../../../../../../../../" + outside + "/secret"}), "", release.ErrIllegalMember},
		{"device", pack(t,
			tar.Header{Name: "./mem", Typeflag: tar.TypeChar, Mode: 0o666, Devmajor: 1, Devminor: 1}), "", release.ErrIllegalMember},
		{"oversized member", pack(t,
			tar.Header{Name: "./big", Typeflag: tar.TypeReg, Mode: 0o644, Size: 1 << 40}), "", release.ErrIllegalMember},
		{"truncated", good[:len(good)/2], "", release.ErrTruncated},
		{"wrong hash", good, strings.Repeat("ab", 32), release.ErrHashMismatch},
		{"not an archive", []byte(strings.Repeat("hello ", 1000)), "", release.ErrFormat},
	}
	fetchGood := func(t *testing.T) {
		require.NoError(t, wait(rel, release.FetchOptions{HTTP: plain, Mirror: serve(t, good, "")}))
		require.NoError(t, events.Wait(ctx, rel.Destroy(ctx, release.DestroyOptions{})))
	}
	fetchGood(t) // the datasets for all releases stay
	before, around := tree(t, outside), world(t, h)
	for _, c := range cases {
		attack := func(o release.FetchOptions) func(*testing.T) {
			return func(t *testing.T) {
				err := wait(rel, o)
				require.ErrorIs(t, err, c.want)
				var refused *release.AssetError
				if errors.Is(c.want, release.ErrIllegalMember) {
					require.ErrorAs(t, err, &refused)
					require.NotEmpty(t, refused.Member)
				}
				require.Equal(t, before, tree(t, outside))
				require.Empty(t, differ(around, world(t, h)))
			}
		}
		t.Run(c.name, attack(release.FetchOptions{HTTP: plain, Mirror: serve(t, c.archive, c.hash)}))
		if c.hash == "" { // a local archive is taken as it is
			path := filepath.Join(t.TempDir(), "base.txz")
			require.NoError(t, os.WriteFile(path, c.archive, 0o600))
			t.Run(c.name+", a local archive", attack(release.FetchOptions{Archive: path}))
		}
		t.Run(c.name+", then a good one", fetchGood)
	}
}

// pack makes a .tgz; a size larger than the body leaves the archive cut short.
func pack(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, h := range headers {
		require.NoError(t, w.WriteHeader(&h))
	}
	_ = w.Close() // an oversized member stays incomplete
	require.NoError(t, z.Close())
	return out.Bytes()
}

func tree(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		out = append(out, fmt.Sprint(path, info.Mode(), info.Size()))
		return err
	}))
	return out
}
