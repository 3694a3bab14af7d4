package release_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/libioc/go-libioc/release"
)

func TestParseName(t *testing.T) {
	for _, c := range []struct {
		text, base   string
		patch        int
		pinned       bool
		major, minor int
		branch       release.Branch
	}{
		{"13.2-RELEASE", "13.2-RELEASE", 0, false, 13, 2, "RELEASE"},
		{"14.1-RELEASE-p0", "14.1-RELEASE", 0, true, 14, 1, "RELEASE"},
		{"13.10-RELEASE-p12", "13.10-RELEASE", 12, true, 13, 10, "RELEASE"},
		{"15.0-CURRENT", "15.0-CURRENT", 0, false, 15, 0, "CURRENT"},
		{"14.0-RC2", "14.0-RC2", 0, false, 14, 0, "RC2"},
		{"14.1-PRERELEASE", "14.1-PRERELEASE", 0, false, 14, 1, "PRERELEASE"},
		{"13-STABLE", "13-STABLE", 0, false, 13, -1, "STABLE"},
		{"CURRENT", "CURRENT", 0, false, -1, -1, "CURRENT"},
		{"golden", "golden", 0, false, -1, -1, ""},
		{"golden-p3", "golden", 3, true, -1, -1, ""},
		{"web-prod", "web-prod", 0, false, -1, -1, ""},
		{"a-p", "a-p", 0, false, -1, -1, ""},
		{"13.2-RELEASE-p4x", "13.2-RELEASE-p4x", 0, false, 13, 2, "RELEASE-p4x"},
		{"99999999999999999999.1-RELEASE", "99999999999999999999.1-RELEASE", 0, false, -1, -1, ""},
	} {
		n, err := release.ParseName(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		patch, pinned := n.Patch()
		if n.String() != c.text || n.Base() != c.base || patch != c.patch || pinned != c.pinned || n.Pinned() != c.pinned ||
			n.Major() != c.major || n.Minor() != c.minor || n.Branch() != c.branch || n.IsZero() {
			t.Errorf("%s: %q base %q patch %d %v version %d.%d branch %q", c.text, n, n.Base(), patch, pinned, n.Major(), n.Minor(), n.Branch())
		}
	}
}

func TestBadNames(t *testing.T) {
	for _, text := range []string{
		"", ".", "..", "-p1", "a/b", "a b", "13.2-RELEASE@p1", "13.2\n", "-x", "_x", "ü", strings.Repeat("a", 129),
		"13.2-RELEASE-p01", "13.2-RELEASE-p99999999999999999999", "13.2-RELEASE-p2000000", "a-p1-p2", "a\x00",
	} {
		n, err := release.ParseName(text)
		var ne *release.NameError
		if !errors.Is(err, release.ErrName) || !errors.As(err, &ne) || ne.Text != text || !n.IsZero() {
			t.Errorf("%q: %v, %v", text, n, err)
		}
	}
}

func TestQualifiedName(t *testing.T) {
	source, n, err := release.ParseQualifiedName("src/14.1-RELEASE-p0")
	if patch, pinned := n.Patch(); err != nil || source != "src" || n.Base() != "14.1-RELEASE" || patch != 0 || !pinned {
		t.Errorf("%q, %v, %v", source, n, err)
	}
	if source, n, err := release.ParseQualifiedName("14.1-RELEASE"); err != nil || source != "" || n.Base() != "14.1-RELEASE" {
		t.Errorf("%q, %v, %v", source, n, err)
	}
	for _, text := range []string{"/14.1-RELEASE", "a/b/c", "src/", "../x"} {
		if _, _, err := release.ParseQualifiedName(text); !errors.Is(err, release.ErrName) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestOrder has names in ascending order. libioc compares text, and has 13.10
// before 13.2.
func TestOrder(t *testing.T) {
	ordered := []string{
		"9.3-RELEASE", "13-STABLE", "13.1-RELEASE", "13.2-RELEASE-p0", "13.2-RELEASE-p9", "13.2-RELEASE-p10", "13.2-RELEASE", "13.2-STABLE",
		"13.10-RELEASE", "14.0-odd", "14.0-CURRENT", "14.0-ALPHA1", "14.0-BETA2", "14.0-BETA10", "14.0-RC1", "14.0-RELEASE", "14.0-STABLE",
		"14.1-PRERELEASE", "14.1-BETA1", "14.1-RELEASE", "CURRENT", "alpha", "golden-p1", "golden",
	}
	for i, a := range ordered {
		for j, b := range ordered {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := release.MustParseName(a).Compare(release.MustParseName(b)); got != want {
				t.Errorf("%s to %s: %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestIsRelease(t *testing.T) {
	for text, want := range map[string]bool{
		"13.2-RELEASE": true, "14.0-RC1": true, "14.0-BETA2": true, "14.0-ALPHA1": true,
		"14.0-STABLE": false, "15.0-CURRENT": false, "golden": false, "14.0-PRERELEASE": false,
	} {
		if got := release.MustParseName(text).IsRelease(); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestSnapshots(t *testing.T) {
	for text, want := range map[string]int{"p0": 0, "p12": 12, "p": -1, "p1a": -1, "x1": -1, "": -1, "p99999999999999999999": -1} {
		level, ok := release.ParseSnapshot(text)
		if ok != (want >= 0) || ok && level != want {
			t.Errorf("%q: %d, %v", text, level, ok)
		}
	}
	if got := release.Snapshot(7); got != "p7" {
		t.Error(got)
	}
}

func TestNameJSON(t *testing.T) {
	type doc struct{ Release release.Name }
	for text, want := range map[string]string{`{"Release":"13.2-RELEASE-p4"}`: "13.2-RELEASE-p4", `{"Release":""}`: ""} {
		var d doc
		if err := json.Unmarshal([]byte(text), &d); err != nil || d.Release.String() != want {
			t.Errorf("%s: %v, %v", text, d, err)
		}
		if back, err := json.Marshal(d); err != nil || string(back) != text {
			t.Errorf("%s became %s (%v)", text, back, err)
		}
	}
	var d doc
	if err := json.Unmarshal([]byte(`{"Release":"../x"}`), &d); !errors.Is(err, release.ErrName) {
		t.Errorf("bad name: %v", err)
	}
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"13.2-RELEASE-p4", "CURRENT", "13-STABLE", "golden-p1", "a-p1-p2", "14.0-RC01", "-p1"} {
		f.Add(s, "13.2-RELEASE")
	}
	f.Fuzz(func(t *testing.T, s, other string) {
		n, err := release.ParseName(s)
		if err != nil {
			return
		}
		if n.String() != s || strings.ContainsAny(s, "/@ \x00") {
			t.Errorf("%q is parsed as %q", s, n)
		}
		if n.Compare(n) != 0 || n.WithPatch(-1).Compare(n) < 0 {
			t.Errorf("%q does not compare with itself", s)
		}
		if level, pinned := n.Patch(); pinned && n.WithPatch(-1).WithPatch(level) != n {
			t.Errorf("%q: patch level %d taken off and put on", s, level)
		}
		m, err := release.ParseName(other)
		if err != nil {
			return
		}
		if n.Compare(m) != -m.Compare(n) || (n.Compare(m) == 0) != (n == m) {
			t.Errorf("%q and %q: %d, %d", n, m, n.Compare(m), m.Compare(n))
		}
	})
}

func ExampleName() {
	names := []release.Name{
		release.MustParseName("13.10-RELEASE"),
		release.MustParseName("13.2-RELEASE-p4"),
		release.MustParseName("13.2-STABLE"),
		release.MustParseName("13.2-RELEASE"),
	}
	slices.SortFunc(names, release.Name.Compare)
	for _, n := range names {
		level, pinned := n.Patch()
		fmt.Println(n, n.Major(), n.Minor(), n.Branch(), level, pinned)
	}
	// Output:
	// 13.2-RELEASE-p4 13 2 RELEASE 4 true
	// 13.2-RELEASE 13 2 RELEASE 0 false
	// 13.2-STABLE 13 2 STABLE 0 false
	// 13.10-RELEASE 13 10 RELEASE 0 false
}
