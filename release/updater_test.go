package release

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestParseVersion(t *testing.T) {
	for text, want := range map[string]string{
		"#!/bin/sh\n\nUSERLAND_VERSION=\"13.2-RELEASE-p4\"\n":             "13.2-RELEASE-p4",
		"USERLAND_VERSION='14.10-RELEASE'\r\n":                            "14.10-RELEASE",
		"\tUSERLAND_VERSION=15.0-CURRENT":                                 "15.0-CURRENT",
		"USERLAND_VERSION=\"13.2-RELEASE\"\nUSERLAND_VERSION=\"other\"\n": "13.2-RELEASE",
		"# USERLAND_VERSION=\"13.2-RELEASE\"\n":                           "",
		"USERLAND_VERSION=\"$(rm -rf /)\"\n":                              "",
		"":                                                                "",
	} {
		got, err := parseVersion([]byte(text))
		if got.String() != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
		if err != nil && !errors.Is(err, ErrNoVersion) && !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzVersion: what a jail may have written there is a name or refused.
func FuzzVersion(f *testing.F) {
	f.Add([]byte("#!/bin/sh\nUSERLAND_VERSION=\"13.2-RELEASE-p4\"\n"))
	f.Add([]byte("USERLAND_VERSION=\"../../etc\"\n"))
	f.Fuzz(func(t *testing.T, script []byte) {
		n, err := parseVersion(script)
		if err != nil {
			return
		}
		if strings.ContainsAny(n.String(), "/ \"'$`@") || n.IsZero() {
			t.Errorf("%q gives %q", script, n)
		}
	})
}

// FuzzUpdaterConf: whatever the file says, the userland alone is updated and
// nothing is merged; all other lines stay.
func FuzzUpdaterConf(f *testing.F) {
	f.Add([]byte("# a comment\nComponents src world kernel\nMergeChanges /etc/ /boot/device.hints\nServerName update.FreeBSD.org"))
	f.Add([]byte("Components\tsrc\n  Components world"))
	f.Fuzz(func(t *testing.T, conf []byte) {
		out := updaterConf(conf)
		if n := bytes.Count(out, []byte("Components world\n")); n < 1 {
			t.Fatalf("%q", out)
		}
		for line := range strings.Lines(string(out)) {
			if key := strings.Fields(line); len(key) > 0 && (key[0] == "MergeChanges" || key[0] == "Components" && line != "Components world\n") {
				t.Errorf("%q is left", line)
			}
		}
		if again := updaterConf(out); !bytes.Equal(again, out) {
			t.Errorf("a second time: %q, not %q", again, out)
		}
	})
}
