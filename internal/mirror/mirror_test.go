package mirror_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libioc/go-libioc/internal/mirror"
	"github.com/libioc/go-libioc/release/releasetest"
)

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	for _, location := range []string{"https://download.freebsd.org/ftp/releases/amd64/amd64/13.2-RELEASE", dir, "file://" + dir, "file://localhost" + dir} {
		if _, err := mirror.Open(location, mirror.Options{}); err != nil {
			t.Errorf("%s: %v", location, err)
		}
	}
	for _, opts := range []mirror.Options{{AllowHTTP: true}, {ManifestSHA256: sum(content)}} {
		if _, err := mirror.Open("http://h:8080", opts); err != nil {
			t.Errorf("%+v: %v", opts, err)
		}
	}
	if m, err := mirror.Open("https://h", mirror.Options{ManifestSHA256: "ab"}); err == nil || m != nil {
		t.Error("a short checksum is accepted")
	}
	for location, want := range map[string]error{
		"http://h:8080": mirror.ErrHTTP, "HTTP://h": mirror.ErrHTTP,
		"": mirror.ErrLocation, "ftp://ftp.freebsd.org/pub": mirror.ErrLocation, "http://": mirror.ErrLocation, "http://h/?x=1": mirror.ErrLocation,
		"file://host/path": mirror.ErrLocation, "http://h\x7f/": mirror.ErrLocation, "file://": mirror.ErrLocation,
		filepath.Join(dir, "missing"): mirror.ErrNotFound,
	} {
		if m, err := mirror.Open(location, mirror.Options{}); !errors.Is(err, want) || m != nil {
			t.Errorf("%s: %v, want %v", location, err, want)
		}
	}
}

// TestWholeRelease runs against a server like FreeBSD's.
func TestWholeRelease(t *testing.T) {
	s := httptest.NewServer(releasetest.Mirror("13.2-RELEASE"))
	defer s.Close()
	base := mirror.ReleasesURL(s.URL+"/ftp/releases", mirror.Platform{Machine: "amd64", Arch: "amd64"})
	names, err := open(t, base, mirror.Options{}).List(t.Context())
	if err != nil || fmt.Sprint(names) != "[13.2-RELEASE]" {
		t.Fatalf("%v, %v", names, err)
	}
	m := open(t, base+"/"+names[0], mirror.Options{})
	manifest, err := m.Manifest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range releasetest.Assets("13.2-RELEASE") {
		entry, err := manifest.Asset(name)
		if err != nil {
			t.Fatal(err)
		}
		dest := filepath.Join(t.TempDir(), name)
		res, err := m.Fetch(t.Context(), name, dest, mirror.FetchOptions{SHA256: entry.SHA256})
		got, rerr := os.ReadFile(dest)
		if err != nil || rerr != nil || !bytes.Equal(got, want) || res.Path != dest {
			t.Errorf("%s: %+v, %v, %v", name, res, err, rerr)
		}
	}
	for name, want := range map[string]bool{"": true, "base.txz": true, "kernel.txz": false} {
		if ok, err := m.Available(t.Context(), name); ok != want || err != nil {
			t.Errorf("available %q: %v, %v", name, ok, err)
		}
	}
	gone := open(t, base+"/99.0-RELEASE", mirror.Options{})
	if _, err := gone.Manifest(t.Context()); !errors.Is(err, mirror.ErrNotFound) {
		t.Errorf("manifest of a missing release: %v", err)
	}
}

func TestSmallFiles(t *testing.T) {
	var clk clock
	s := newServer(t, status(503), stallsAt(-1, nil), noRanges([]byte("base.txz "+sum(content))))
	m, err := open(t, s.URL, clk.options()).Manifest(t.Context())
	if err != nil || len(m.Assets()) != 1 || len(clk.pauses) != 2 {
		t.Errorf("%v, %v, %d pauses", m.Assets(), err, len(clk.pauses))
	}
	// HardenedBSD has no MANIFEST.
	s = newServer(t, status(404), noRanges([]byte("SHA256 (base.txz) = "+sum(content))))
	if m, err := open(t, s.URL, clk.options()).Manifest(t.Context()); err != nil || len(m.Assets()) != 1 {
		t.Errorf("CHECKSUMS.SHA256: %v, %v", m.Assets(), err)
	}
	s = newServer(t, noRanges(make([]byte, 2<<20)))
	if _, err := open(t, s.URL, clk.options()).Manifest(t.Context()); !errors.Is(err, mirror.ErrTooLarge) {
		t.Errorf("a manifest of 2 MiB: %v", err)
	}
	s = newServer(t, status(503))
	var he *mirror.HTTPError
	if ok, err := open(t, s.URL, clk.options()).Available(t.Context(), "base.txz"); ok || !errors.As(err, &he) || he.Status != 503 {
		t.Errorf("available: %v, %v", ok, err)
	}
	page := `<table><tr><td>stable/12</td><td>n/a</td></tr></table>`
	s = newServer(t, noRanges([]byte(page)))
	if names, err := open(t, s.URL+"/security/unsupported.html", clk.options()).Unsupported(t.Context()); err != nil || fmt.Sprint(names) != "[12-STABLE]" {
		t.Errorf("unsupported: %v, %v", names, err)
	}
}

func TestLocalDirectory(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "base.txz"), content)
	write(t, filepath.Join(dir, "MANIFEST"), []byte("base.txz\t"+sum(content)+"\t1\n"))
	if err := os.Mkdir(filepath.Join(dir, "14.3-RELEASE"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, location := range []string{dir, "file://" + dir} {
		m := open(t, location, mirror.Options{})
		manifest, err := m.Manifest(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		entry, err := manifest.Asset("base.txz")
		if err != nil {
			t.Fatal(err)
		}
		dest := filepath.Join(t.TempDir(), "x")
		res, err := m.Fetch(t.Context(), "base.txz", dest, mirror.FetchOptions{SHA256: entry.SHA256})
		got, _ := os.ReadFile(dest)
		if err != nil || !bytes.Equal(got, content) || files(t, dest) != "x" || res.Received != int64(len(content)) {
			t.Errorf("%+v, %v, files %s", res, err, files(t, dest))
		}
		_, err = m.Fetch(t.Context(), "base.txz", dest, mirror.FetchOptions{SHA256: sum(changed)})
		if !errors.Is(err, mirror.ErrHashMismatch) || !strings.Contains(err.Error(), "got "+sum(content)) || files(t, dest) != "x" {
			t.Errorf("wrong hash: %v, files %s", err, files(t, dest))
		}
		if _, err := m.Fetch(t.Context(), "lib32.txz", dest, mirror.FetchOptions{}); !errors.Is(err, mirror.ErrNotFound) {
			t.Errorf("missing: %v", err)
		}
		if _, err := m.Fetch(t.Context(), "14.3-RELEASE", dest, mirror.FetchOptions{}); !errors.Is(err, mirror.ErrNotFound) {
			t.Errorf("a directory: %v", err)
		}
		if _, err := m.Fetch(t.Context(), "base.txz", dest, mirror.FetchOptions{MaxSize: 10}); !errors.Is(err, mirror.ErrTooLarge) {
			t.Errorf("too large: %v", err)
		}
		if names, err := m.List(t.Context()); err != nil || fmt.Sprint(names) != "[14.3-RELEASE]" {
			t.Errorf("list: %v, %v", names, err)
		}
		if ok, err := m.Available(t.Context(), "lib32.txz"); ok || err != nil {
			t.Errorf("available: %v, %v", ok, err)
		}
	}
}

func TestSingleFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "mine.tgz")
	write(t, path, content)
	m := open(t, path, mirror.Options{})
	if _, err := m.Manifest(t.Context()); !errors.Is(err, mirror.ErrNotFound) {
		t.Errorf("manifest: %v", err)
	}
	dest := filepath.Join(t.TempDir(), "x")
	if _, err := m.Fetch(t.Context(), "base.txz", dest, mirror.FetchOptions{}); !errors.Is(err, mirror.ErrNotFound) {
		t.Errorf("another asset: %v", err)
	}
	if res, err := m.Fetch(t.Context(), "mine.tgz", dest, mirror.FetchOptions{}); err != nil || res.SHA256 != sum(content) {
		t.Errorf("%+v, %v", res, err)
	}
	write(t, filepath.Join(dir, "MANIFEST"), []byte("base.txz\t"+sum(content)+"\n"))
	if _, err := m.Manifest(t.Context()); !errors.Is(err, mirror.ErrNotFound) || !errors.Is(err, mirror.ErrNoAsset) {
		t.Errorf("a manifest without it: %v", err)
	}
	write(t, filepath.Join(dir, "MANIFEST"), []byte("mine.tgz\t"+sum(content)+"\n"))
	if manifest, err := m.Manifest(t.Context()); err != nil || fmt.Sprint(manifest.Assets()) != "[mine.tgz]" {
		t.Errorf("%v, %v", manifest.Assets(), err)
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestReleasetestManifest(t *testing.T) {
	assets := releasetest.Assets("14.3-RELEASE")
	m, err := mirror.ParseManifest([]byte(releasetest.Manifest(assets)))
	if err != nil || fmt.Sprint(m.Assets()) != "[base.tgz base.txz lib32.txz]" {
		t.Errorf("%v, %v", m.Assets(), err)
	}
}
