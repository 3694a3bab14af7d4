package release_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/release/releasetest"
	"github.com/libioc/go-libioc/zfsstore"
)

// recorded serves a release and records the paths of all requests.
type recorded struct {
	http.Handler
	mu    sync.Mutex
	paths []string
}

func (r *recorded) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	r.paths = append(r.paths, q.URL.Path)
	r.mu.Unlock()
	r.Handler.ServeHTTP(w, q)
}

func (r *recorded) requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.paths
}

func manifestSum(version string) string {
	text := releasetest.Manifest(releasetest.Assets(version))
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
}

// TestHTTPMirror: a release comes over http only if the caller allows it, or pins
// the MANIFEST. Before, it was fetched from http without a word, and whoever was
// between chose its content.
func TestHTTPMirror(t *testing.T) {
	secure := httptest.NewTLSServer(releasetest.Mirror(name))
	defer secure.Close()
	trusting := release.HTTPOptions{Transport: secure.Client().Transport}
	dir := t.TempDir()
	assets := releasetest.Assets(name)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
	for file, data := range assets {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name, file), data, 0o644))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, name, "MANIFEST"), []byte(releasetest.Manifest(assets)), 0o644))

	const insecure = "http" // stands for the recorded server
	for _, c := range []struct {
		name   string
		mirror string
		sum    string
		http   release.HTTPOptions
		want   error
		asked  string // the last path asked for on the http server, if any
	}{
		{name: "http", mirror: insecure, want: release.ErrHTTP},
		{name: "http, other options", mirror: insecure, http: release.HTTPOptions{AllowHTTPRedirect: true}, want: release.ErrHTTP},
		{name: "http, allowed", mirror: insecure, http: plain, asked: "base.txz"},
		{name: "http, pinned", mirror: insecure, sum: manifestSum(name), asked: "base.txz"},
		{name: "http, pinned in capitals", mirror: insecure, sum: strings.ToUpper(manifestSum(name)), asked: "base.txz"},
		{name: "http, another MANIFEST", mirror: insecure, sum: manifestSum("13.3-RELEASE"), want: release.ErrHashMismatch, asked: "MANIFEST"},
		{name: "http, allowed, another MANIFEST", mirror: insecure, sum: manifestSum("13.3-RELEASE"), http: plain, want: release.ErrHashMismatch, asked: "MANIFEST"},
		{name: "http, no checksum", mirror: insecure, sum: "abc", want: errAny},
		{name: "https", mirror: secure.URL, http: trusting},
		{name: "https, another MANIFEST", mirror: secure.URL, http: trusting, sum: manifestSum("13.3-RELEASE"), want: release.ErrHashMismatch},
		{name: "directory", mirror: dir},
		{name: "directory, pinned", mirror: dir, sum: manifestSum(name)},
		{name: "directory, another MANIFEST", mirror: dir, sum: manifestSum("13.3-RELEASE"), want: release.ErrHashMismatch},
		{name: "file URL", mirror: "file://" + dir},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := &recorded{Handler: releasetest.Mirror(name)}
			s := httptest.NewServer(server)
			defer s.Close()
			h, rel := newHost(t)
			if c.mirror == insecure {
				c.mirror = s.URL
			}
			err := wait(rel, release.FetchOptions{Mirror: c.mirror, SHA256: c.sum, HTTP: c.http})
			if c.asked == "" {
				require.Empty(t, server.requests())
			} else {
				all := server.requests()
				require.Equal(t, "/"+name+"/"+c.asked, all[len(all)-1])
			}
			if c.want == nil {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			if !errors.Is(c.want, errAny) {
				require.ErrorIs(t, err, c.want)
			}
			if errors.Is(c.want, release.ErrHTTP) {
				require.ErrorContains(t, err, "HTTPOptions.AllowHTTP")
				require.ErrorContains(t, err, "FetchOptions.SHA256")
				journals, err := plan.Journals(h.JournalDir("ioc", "release"))
				require.NoError(t, err)
				require.Empty(t, journals)
			}
			var asset *release.AssetError
			require.ErrorAs(t, err, &asset)
			require.Equal(t, "MANIFEST", asset.Asset)
			_, err = h.Store.Get(context.Background(), rel.Dataset(), zfsstore.GetOptions{})
			require.ErrorIs(t, err, zfsstore.ErrNotFound)
		})
	}
}

// TestHTTPIndex: the list of releases and the page of unsupported ones are not read
// over http either.
func TestHTTPIndex(t *testing.T) {
	h, _ := newHost(t)
	url := indexOf(t, name)
	_, err := release.Available(t.Context(), h.Host, release.RemoteOptions{Mirror: url})
	require.ErrorIs(t, err, release.ErrHTTP)
	_, err = release.Available(t.Context(), h.Host, release.RemoteOptions{Mirror: t.TempDir(), Refresh: true, UnsupportedPage: url + "/unsupported"})
	require.ErrorIs(t, err, release.ErrHTTP)
	_, err = release.Available(t.Context(), h.Host, release.RemoteOptions{Mirror: url, HTTP: plain})
	require.NoError(t, err)
}

// TestListWithoutThePageOfUnsupportedReleases: the list was lost with the page.
func TestListWithoutThePageOfUnsupportedReleases(t *testing.T) {
	h, _ := newHost(t)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	list, err := release.Available(t.Context(), h.Host, release.RemoteOptions{
		Mirror: indexOf(t, name), HTTP: plain, Refresh: true, UnsupportedPage: closed.URL,
	})
	require.Error(t, err)
	require.Len(t, list, 1)
	require.Equal(t, name, list[0].Name.String())
}

// TestRedirectFromHTTPSToHTTP: https stays https, for the MANIFEST and for an asset,
// whatever is allowed or pinned.
func TestRedirectFromHTTPSToHTTP(t *testing.T) {
	server := &recorded{Handler: releasetest.Mirror(name)}
	insecure := httptest.NewServer(server)
	defer insecure.Close()
	for _, file := range []string{"MANIFEST", "base.txz"} {
		good := releasetest.Mirror(name)
		secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, file) {
				http.Redirect(w, r, insecure.URL+r.URL.Path, http.StatusFound)
				return
			}
			good.ServeHTTP(w, r)
		}))
		defer secure.Close()
		for _, allowed := range []bool{false, true} {
			for _, sum := range []string{"", manifestSum(name)} {
				_, rel := newHost(t)
				err := wait(rel, release.FetchOptions{Mirror: secure.URL, SHA256: sum, HTTP: release.HTTPOptions{
					Transport: secure.Client().Transport, AllowHTTP: allowed, AllowHTTPRedirect: allowed,
				}})
				require.ErrorIs(t, err, release.ErrRedirect, "%s, allowed %v", file, allowed)
			}
		}
	}
	require.Empty(t, server.requests())
}

// transport is a function that makes the requests.
type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// TestDefaultMirrorIsHTTPS: without a Mirror every request goes to https.
func TestDefaultMirrorIsHTTPS(t *testing.T) {
	failed := errors.New("no network here")
	var mu sync.Mutex
	var schemes []string
	o := release.HTTPOptions{Attempts: 1, Transport: transport(func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		schemes = append(schemes, r.URL.Scheme)
		return nil, failed
	})}
	for _, hardened := range []bool{false, true} {
		h, rel := newHost(t)
		if hardened {
			require.NoError(t, os.MkdirAll(filepath.Dir(h.Files().HBSDUpdate), 0o755))
			require.NoError(t, os.WriteFile(h.Files().HBSDUpdate, nil, 0o755))
		}
		require.ErrorIs(t, wait(rel, release.FetchOptions{HTTP: o}), failed)
		_, err := release.Available(t.Context(), h.Host, release.RemoteOptions{HTTP: o})
		require.ErrorIs(t, err, failed)
	}
	require.Equal(t, []string{"https", "https", "https", "https"}, schemes)
}

// TestPackagesOverHTTP: packages without keys are no better than archives without
// checksums, and a mirror that is pinned cannot answer "no archive" to have packages
// installed instead. Before, both were done.
func TestPackagesOverHTTP(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name string
		o    release.FetchOptions
		want error
	}{
		{"http", release.FetchOptions{Packages: &release.PackageOptions{Keys: "none", Repository: "http://pkg.example.org/${ABI}"}}, release.ErrHTTP},
		{"pkg+http", release.FetchOptions{Packages: &release.PackageOptions{Keys: "none", Repository: "pkg+http://pkg.example.org/${ABI}"}}, release.ErrHTTP},
		{"ftp", release.FetchOptions{Packages: &release.PackageOptions{Keys: "none", Repository: "FTP://pkg.example.org/${ABI}"}}, release.ErrHTTP},
		{"with a checksum", release.FetchOptions{Packages: &release.PackageOptions{Keys: "none"}, SHA256: manifestSum("15.1-RELEASE")}, release.ErrPackages},
		{"http, allowed", release.FetchOptions{HTTP: plain, Packages: &release.PackageOptions{Keys: "none", Repository: "http://pkg.example.org/${ABI}"}}, nil},
		{"http, signed", release.FetchOptions{Packages: &release.PackageOptions{Keys: t.TempDir(), Repository: "http://pkg.example.org/${ABI}"}}, nil},
		{"https", release.FetchOptions{Packages: &release.PackageOptions{Keys: "none", Repository: "https://pkg.example.org/${ABI}"}}, nil},
		{"default", release.FetchOptions{Packages: &release.PackageOptions{Keys: "none"}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := &pkg{version: "15.1-RELEASE"}
			_, rel := packageHost(t, k)
			err := events.Wait(ctx, rel.Fetch(ctx, c.o))
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
				require.Empty(t, k.argv)
				return
			}
			require.NoError(t, err)
			require.NotEmpty(t, k.argv)
		})
	}

	k := &pkg{version: "15.1-RELEASE"}
	_, rel := packageHost(t, k)
	bare := httptest.NewServer(releasetest.Mirror("9.9-RELEASE"))
	defer bare.Close()
	err := wait(rel, release.FetchOptions{Mirror: bare.URL, SHA256: manifestSum("15.1-RELEASE")})
	require.ErrorIs(t, err, release.ErrNotOnMirror)
	require.Empty(t, k.argv)
}
