package kernel

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// dump writes pairs as "name=hex" for comparison; a null value has no "=".
func dump(pairs []pair) []string {
	var out []string
	for _, p := range pairs {
		s := strings.ReplaceAll(string(p.name), "\x00", "$")
		if p.value != nil {
			s += "=" + hex.EncodeToString(p.value)
		}
		out = append(out, s)
	}
	return out
}

func TestParamsAsPairs(t *testing.T) {
	var pairs []pair
	for _, p := range []Param{
		String("name", "a"), Int("securelevel", -1), Ulong("host.hostid", 258), Jailsys("ip4", JailSysInherit),
		Bool("persist", true), Bool("allow.mount.zfs", false), Addrs("ip4.addr", netip.MustParseAddr("192.0.2.1")),
		Addrs("ip6.addr"),
	} {
		pairs = append(pairs, newPair(p.Name, p.Data))
	}
	want := []string{
		"name$=6100", "securelevel$=ffffffff", "host.hostid$=0201000000000000", "ip4$=02000000",
		"persist$", "allow.mount.nozfs$", "ip4.addr$=c0000201", "ip6.addr$=",
	}
	if got := dump(pairs); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestMountPairs(t *testing.T) {
	req := MountRequest{Type: "devfs", From: "devfs", Path: "/j/dev", Options: []MountOption{{Name: "ruleset", Value: "4"}, {Name: "nosuid"}, {Name: "size"}}}
	want := []string{"fstype$=646576667300", "fspath$=2f6a2f64657600", "from$=646576667300", "ruleset$=3400", "nosuid$", "size$=00"}
	if got := dump(req.pairs()); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestCheckPairs(t *testing.T) {
	value := make([]byte, maxOptions-optionOverhead-len("v\x00"))
	for _, c := range []struct {
		what  string
		pairs []pair
		ok    bool
	}{
		{"just fits", []pair{newPair("v", value)}, true},
		{"one byte more", []pair{newPair("v", slices.Concat(value, []byte{0}))}, false},
		{"empty name", []pair{newPair("", nil)}, false},
		{"NUL in a name", []pair{newPair("a\x00b", nil)}, false},
		{"too many", slices.Repeat([]pair{newPair("a", nil)}, maxPairs+1), false},
		{"as many as there may be", slices.Repeat([]pair{newPair("a", nil)}, maxPairs), true},
	} {
		if _, msg := checkPairs(c.pairs); (msg == "") != c.ok {
			t.Errorf("%s: %q", c.what, msg)
		}
	}
}

func TestMountRequestCheck(t *testing.T) {
	for path, ok := range map[string]bool{"/j": true, "/j\x00/k": false, "": true} {
		if err := (MountRequest{Type: "nullfs", Path: path}).check(); (err == nil) != ok {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestBelow(t *testing.T) {
	for _, c := range []struct {
		root, path, want string
		ok               bool
	}{
		{"/j", "/j/dev/fd", "dev fd", true},
		{"/j/", "/j//dev/./fd/", "dev fd", true},
		{"/", "/dev", "dev", true},
		{"/j", "/j", "", true},
		{"/j", "/jail/dev", "", false},
		{"/j", "/j/../etc", "", false},
		{"/j", "/j/a/..", "", false},
		{"/j", "j/dev", "", false},
		{"j", "/j/dev", "", false},
	} {
		got, ok := below(c.root, c.path)
		if ok != c.ok || strings.Join(got, " ") != c.want {
			t.Errorf("below(%q, %q) is %q, %v", c.root, c.path, got, ok)
		}
	}
}

func TestMountSource(t *testing.T) {
	for _, c := range []struct {
		req  MountRequest
		want string
	}{
		{MountRequest{Type: "nullfs", From: "/src"}, "/src"},
		{MountRequest{Type: "nullfs", Options: []MountOption{{"target", "/other"}}}, "/other"},
		{MountRequest{Type: "devfs", From: "/dev"}, ""},
		{MountRequest{Type: "zfs", From: "zroot/x"}, ""},
		{MountRequest{Type: "ufs", From: "/dev/md0"}, "/dev/md0"},
		{MountRequest{Type: "nfs", From: "host:/x"}, ""},
	} {
		if got := c.req.source(); got != c.want {
			t.Errorf("%+v: %q", c.req, got)
		}
	}
}
