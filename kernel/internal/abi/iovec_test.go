package abi

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

// dump writes pairs as "name=hex" for comparison; a null value has no "=".
func dump(pairs []Pair) []string {
	var out []string
	for _, p := range pairs {
		s := strings.ReplaceAll(string(p.Name), "\x00", "$")
		if p.Value != nil {
			s += "=" + hex.EncodeToString(p.Value)
		}
		out = append(out, s)
	}
	return out
}

func TestParamsAsPairs(t *testing.T) {
	var pairs []Pair
	for _, p := range []kernel.Param{
		kernel.String("name", "a"), kernel.Int("securelevel", -1), kernel.Ulong("host.hostid", 258), kernel.Jailsys("ip4", kernel.JailSysInherit),
		kernel.Bool("persist", true), kernel.Bool("allow.mount.zfs", false), kernel.Addrs("ip4.addr", netip.MustParseAddr("192.0.2.1")),
		kernel.Addrs("ip6.addr"),
	} {
		pairs = append(pairs, NewPair(p.Name, p.Data))
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
	req := kernel.MountRequest{Type: "devfs", From: "devfs", Path: "/j/dev", Options: []kernel.MountOption{{Name: "ruleset", Value: "4"}, {Name: "nosuid"}, {Name: "size"}}}
	want := []string{"fstype$=646576667300", "fspath$=2f6a2f64657600", "from$=646576667300", "ruleset$=3400", "nosuid$", "size$=00"}
	if got := dump(MountPairs(req)); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestCheckPairs(t *testing.T) {
	value := make([]byte, maxOptions-optionOverhead-len("v\x00"))
	for _, c := range []struct {
		what  string
		pairs []Pair
		ok    bool
	}{
		{"just fits", []Pair{NewPair("v", value)}, true},
		{"one byte more", []Pair{NewPair("v", slices.Concat(value, []byte{0}))}, false},
		{"empty name", []Pair{NewPair("", nil)}, false},
		{"NUL in a name", []Pair{NewPair("a\x00b", nil)}, false},
		{"too many", slices.Repeat([]Pair{NewPair("a", nil)}, maxPairs+1), false},
		{"as many as there may be", slices.Repeat([]Pair{NewPair("a", nil)}, maxPairs), true},
	} {
		if _, msg := CheckPairs(c.pairs); (msg == "") != c.ok {
			t.Errorf("%s: %q", c.what, msg)
		}
	}
}
