package mirror

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	sumA = "2f31f69cc72cdf71f62a78829589ea4e33f23fb2611126a996419eef0ff36ae1"
	sumB = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestParseManifest(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       map[string]Entry
	}{
		{"FreeBSD MANIFEST", string(testdata(t, "MANIFEST")), map[string]Entry{
			"base.txz": {"base.txz", sumA, 6536}, "lib32.txz": {"lib32.txz", sumB, 613},
			"base-dbg.txz": {"base-dbg.txz", strings.Repeat("0", 63) + "1", 1234}}},
		{"sha256", string(testdata(t, "CHECKSUMS.SHA256")), map[string]Entry{"base.txz": {"base.txz", sumA, 0}, "kernel.txz": {"kernel.txz", sumB, 0}}},
		{"sha256sum", sumA + " *base.tgz\r\n" + strings.ToUpper(sumB) + "  lib32.tar.zst\r\n",
			map[string]Entry{"base.tgz": {"base.tgz", sumA, 0}, "lib32.tar.zst": {"lib32.tar.zst", sumB, 0}}},
		{"same twice", "base.txz " + sumA + "\nbase.txz " + sumA, map[string]Entry{"base.txz": {"base.txz", sumA, 0}}},
		{"hash too short", "base.txz " + sumA[1:], nil},
		{"not hexadecimal", "base.txz " + strings.Repeat("z", 64), nil},
		{"a path as name", "../base.txz " + sumA + "\n/etc/base.txz " + sumA + "\n.txz " + sumA, nil},
		{"empty", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := ParseManifest([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if len(m.Assets()) != len(c.want) {
				t.Errorf("assets %v, want %v", m.Assets(), c.want)
			}
			for name, want := range c.want {
				if got, err := m.Asset(name); err != nil || got != want {
					t.Errorf("%s: %+v (%v), want %+v", name, got, err, want)
				}
			}
		})
	}
}

func TestManifestErrors(t *testing.T) {
	if _, err := ParseManifest([]byte("base.txz " + sumA + "\nbase.txz " + sumB)); !errors.Is(err, ErrManifest) {
		t.Errorf("two checksums: %v", err)
	}
	if _, err := ParseManifest(make([]byte, maxManifest+1)); !errors.Is(err, ErrManifest) {
		t.Errorf("too long: %v", err)
	}
	m, err := ParseManifest([]byte("base.txz " + sumA))
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Asset("lib32.txz")
	if !errors.Is(err, ErrNoAsset) || err.Error() != "lib32.txz: asset is not in the manifest, which has [base.txz]" {
		t.Errorf("missing asset: %#v", err)
	}
	if _, err := (Manifest{}).Asset("x"); !errors.Is(err, ErrNoAsset) {
		t.Errorf("zero manifest: %v", err)
	}
}

func TestParseListing(t *testing.T) {
	got := ParseListing(testdata(t, "listing.html"))
	want := "[13.5-RELEASE 14.3-RELEASE 15.0-RELEASE]"
	if fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
}

func TestParseUnsupported(t *testing.T) {
	got := ParseUnsupported(testdata(t, "unsupported.html"))
	want := "[13-STABLE 13.5-RELEASE 13.4-RELEASE 4-STABLE]"
	if fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	// A second page must not add to the first one's list.
	if again := ParseUnsupported(testdata(t, "unsupported.html")); len(again) != len(got) {
		t.Errorf("second time: %v", again)
	}
}

func TestEndOfLife(t *testing.T) {
	for _, c := range []struct {
		release, lastDay string
	}{
		{"13.2-RELEASE", "2024-06-30"}, {"15.1-RELEASE", "2027-03-31"}, {"13.2-STABLE", "2026-04-30"}, {"14-STABLE", "2028-11-30"},
		{"16.0-CURRENT", ""}, {"", ""}, {"2024-06-30", ""},
	} {
		end, _, ok := EndOfLife(c.release)
		if c.lastDay == "" {
			if ok {
				t.Errorf("%q: %v", c.release, end)
			}
			continue
		}
		last := end.Add(-time.Nanosecond).Format(time.DateOnly)
		if !ok || last != c.lastDay {
			t.Errorf("%s: %s, want %s", c.release, last, c.lastDay)
		}
	}
	lines := 0
	for line := range strings.Lines(endOfLife) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		lines++
		if _, from, ok := EndOfLife(f[0]); len(f) != 3 || !ok || from != "page" && from != "announced" {
			t.Errorf("line %q of the table", line)
		}
	}
	if lines == 0 {
		t.Error("the table is empty")
	}
}

func TestPlatforms(t *testing.T) {
	if got := ReleasesURL(FreeBSDReleases+"/", Platform{"arm64", "aarch64"}); got != "https://download.freebsd.org/ftp/releases/arm64/aarch64" {
		t.Error(got)
	}
	amd64 := Platform{"amd64", "amd64"}
	dir := HardenedBSDDir("13-STABLE", amd64)
	if got, ok := HardenedBSDRelease(dir, amd64); dir != "HardenedBSD-13-STABLE-amd64-LATEST" || got != "13-STABLE" || !ok {
		t.Errorf("%s gives %q, %v", dir, got, ok)
	}
	if got, ok := HardenedBSDRelease(dir, Platform{"arm64", "aarch64"}); ok {
		t.Errorf("another platform gives %q", got)
	}
}

func TestParseContentRange(t *testing.T) {
	for _, c := range []struct {
		text         string
		start, total int64
		ok           bool
	}{
		{"bytes 100-199/200", 100, 200, true}, {"bytes 0-0/*", 0, -1, true},
		{"bytes */200", 0, 0, false}, {"bytes 5-9", 0, 0, false}, {"", 0, 0, false},
		{"bytes -5-9/10", 0, 0, false}, {"bytes 9-9/5", 9, 5, false}, {"items 1-2/3", 0, 0, false},
	} {
		start, total, ok := parseContentRange(c.text)
		if ok != c.ok || ok && (start != c.start || total != c.total) {
			t.Errorf("%q: %d, %d, %v", c.text, start, total, ok)
		}
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add(testdata(f, "MANIFEST"))
	f.Add(testdata(f, "CHECKSUMS.SHA256"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseManifest(text)
		if err != nil {
			return
		}
		for _, name := range m.Assets() {
			e, err := m.Asset(name)
			if err != nil || !isSHA256(e.SHA256) || checkAsset(e.Asset) != nil || e.Asset != name || filepath.Base(name) != name {
				t.Errorf("entry %+v (%v)", e, err)
			}
			again, err := ParseManifest(fmt.Appendf(nil, "%s\t%s\t%d", e.Asset, e.SHA256, e.Count))
			if got, aerr := again.Asset(name); err != nil || aerr != nil || got != e {
				t.Errorf("written again: %+v, was %+v", got, e)
			}
		}
	})
}

func FuzzParsePages(f *testing.F) {
	f.Add(testdata(f, "listing.html"))
	f.Add(testdata(f, "unsupported.html"))
	f.Fuzz(func(t *testing.T, page []byte) {
		for _, name := range ParseListing(page) {
			if name == "" || name == ".." || strings.ContainsAny(name, "/\"<> ") {
				t.Errorf("listing gives %q", name)
			}
		}
		seen := map[string]bool{}
		for _, name := range ParseUnsupported(page) {
			if name == "" || seen[name] {
				t.Errorf("unsupported gives %q", name)
			}
			seen[name] = true
		}
	})
}
