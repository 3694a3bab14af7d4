package fstab

import (
	"errors"
	"reflect"
	"testing"
)

func TestResolve(t *testing.T) {
	tests := []struct{ root, destination, want, field string }{
		{"/j/root", "/mnt", "/j/root/mnt", ""},
		{"/j/root/", "/mnt//a/./", "/j/root/mnt/a", ""},
		{"/j/root", "/j/root/mnt", "/j/root/mnt", ""},
		{"/j/root", "/j/root", "/j/root", ""},
		{"/j/root", "/", "/j/root", ""},
		{"/j/root", "/j/rootkit", "/j/root/j/rootkit", ""},
		{"/j/root", "/j", "/j/root/j", ""},
		{"/", "/mnt", "/mnt", ""},
		{"/j/root", "/mnt/../../etc", "", "destination"},
		{"/j/root", "/..", "", "destination"},
		{"/j/root", "/..x", "/j/root/..x", ""},
		{"/j/root", "mnt", "", "destination"},
		{"/j/root", "", "", "destination"},
		{"/j/root", "/a\nb", "", "destination"},
		{"/j/../root", "/a", "", "root"},
		{"root", "/a", "", "root"},
	}
	for _, tt := range tests {
		got, err := Resolve(tt.root, tt.destination)
		var invalid *InvalidError
		if errors.As(err, &invalid) != (tt.field != "") || (invalid != nil && invalid.Field != tt.field) || got != tt.want {
			t.Errorf("Resolve(%q, %q) = %q, %v; want %q, refused %q", tt.root, tt.destination, got, err, tt.want, tt.field)
		}
	}
}

func TestReplacePath(t *testing.T) {
	tests := []struct{ name, old, new, in, out string }{
		{"clone keeps /root", "/x/foo", "/x/bar", "/x/foo/root/a /x/foo/root/b nullfs ro", "/x/bar/root/a\t/x/bar/root/b\tnullfs\tro\t0\t0"},
		{"itself", "/x/foo/", "/x/bar", "/x/foo /b nullfs ro", "/x/bar\t/b\tnullfs\tro\t0\t0"},
		{"sibling with the same beginning", "/x/foo", "/x/bar", "/x/foobar /x/foo.d nullfs ro", "/x/foobar /x/foo.d nullfs ro"},
		{"spelled otherwise", "/x/foo", "/x/bar", "/x//foo/./a /b nullfs ro", "/x/bar/a\t/b\tnullfs\tro\t0\t0"},
		{"spelling of others stays", "/x/foo", "/x/bar", "/y//z/ /b/ nullfs ro", "/y//z/ /b/ nullfs ro"},
		{"remote source", "/x/foo", "/x/bar", "nas:/x/foo /b nfs ro", "nas:/x/foo /b nfs ro"},
		{"generated line", "/x/foo", "/x/bar", "/r/bin /x/foo/bin nullfs ro 0 0 # iocage-auto", "/r/bin\t/x/bar/bin\tnullfs\tro\t0\t0 # iocage-auto"},
		{"comment", "/x/foo", "/x/bar", "# /x/foo /b nullfs ro", "# /x/foo /b nullfs ro"},
		{"unknown line", "/x/foo", "/x/bar", "/x/foo /b", "/x/foo /b"},
		{"to a marker", "/x/foo", "backup:///", "/x/foo/data /x/foo nullfs ro", "backup:///data\tbackup:///\tnullfs\tro\t0\t0"},
		{"from a marker", "backup:///", "/x/bar", "backup:///data backup:/// nullfs ro", "/x/bar/data\t/x/bar\tnullfs\tro\t0\t0"},
		{"from the root", "/", "/host", "/a /b nullfs ro", "/host/a\t/host/b\tnullfs\tro\t0\t0"},
		{"to the root", "/x/foo", "/", "/x/foo/a /x/foo nullfs ro", "/a\t/\tnullfs\tro\t0\t0"},
		{"nothing to replace", "", "/x", "/a /b nullfs ro", "/a /b nullfs ro"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := Parse([]byte(tt.in))
			n := f.ReplacePath(tt.old, tt.new)
			if got := string(f.Marshal()); got != tt.out {
				t.Errorf("got %q, want %q", got, tt.out)
			}
			if (n == 1) != (tt.in != tt.out) {
				t.Errorf("said that %d lines changed", n)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	o := Options("rw,size=64m,,mode=1777,noauto,late,size=128m,name=a=b,empty=")
	want := []Option{{Name: "rw"}, {"size", "64m", true}, {"mode", "1777", true}, {"size", "128m", true}, {"name", "a=b", true}, {"empty", "", true}}
	if got := o.Mount(); !reflect.DeepEqual(got, want) {
		t.Errorf("Mount: %+v\nwant %+v", got, want)
	}
	if !o.Has("rw") || o.Has("siz") {
		t.Error("Has compares whole names")
	}
}

func TestRemote(t *testing.T) {
	for source, want := range map[string][2]string{
		"nas:/a/b":     {"nas", "/a/b"},
		"[fe80::1]:/a": {"[fe80::1]", "/a"},
		"/a:/b":        {},
		"tmpfs":        {},
		":/a":          {},
	} {
		host, path, ok := Entry{Source: source}.Remote()
		if host != want[0] || path != want[1] || ok != (want[0] != "") {
			t.Errorf("%q: %q %q %v", source, host, path, ok)
		}
	}
}
