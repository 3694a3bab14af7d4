package precheck

import (
	"strings"
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

func TestMountRequestCheck(t *testing.T) {
	for path, ok := range map[string]bool{"/j": true, "/j\x00/k": false, "": true} {
		if err := Mount(kernel.MountRequest{Type: "nullfs", Path: path}); (err == nil) != ok {
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
		got, ok := Below(c.root, c.path)
		if ok != c.ok || strings.Join(got, " ") != c.want {
			t.Errorf("below(%q, %q) is %q, %v", c.root, c.path, got, ok)
		}
	}
}

func TestMountSource(t *testing.T) {
	for _, c := range []struct {
		req  kernel.MountRequest
		want string
	}{
		{kernel.MountRequest{Type: "nullfs", From: "/src"}, "/src"},
		{kernel.MountRequest{Type: "nullfs", Options: []kernel.MountOption{{Name: "target", Value: "/other"}}}, "/other"},
		{kernel.MountRequest{Type: "devfs", From: "/dev"}, ""},
		{kernel.MountRequest{Type: "zfs", From: "zroot/x"}, ""},
		{kernel.MountRequest{Type: "ufs", From: "/dev/md0"}, "/dev/md0"},
		{kernel.MountRequest{Type: "nfs", From: "host:/x"}, ""},
	} {
		if got := MountSource(c.req); got != c.want {
			t.Errorf("%+v: %q", c.req, got)
		}
	}
}
