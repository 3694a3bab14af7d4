package fstab

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func readMixed(t *testing.T) []byte { return readFile(t, "mixed.fstab") }

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestParseMixedFile(t *testing.T) {
	data := readMixed(t)
	f := Parse(data)
	if got := f.Marshal(); !bytes.Equal(got, data) {
		t.Fatalf("changed by a load and save:\n%s", got)
	}
	want := []Line{
		{Kind: KindComment},
		{Kind: KindBlank},
		{Kind: KindEntry, Shadowed: true, Entry: Entry{"/data/www", "/mnt/www", "nullfs", "ro", 0, 0, ""}},
		{Kind: KindEntry, Entry: Entry{"/data/my files", "/mnt/my files", "nullfs", "rw,noatime", 0, 0, "spaced by hand"}},
		{Kind: KindEntry, Entry: Entry{"/data/by libioc", "/mnt/by libioc", "nullfs", "ro", 0, 0, ""}},
		{Kind: KindComment},
		{Kind: KindEntry, Entry: Entry{"nas.example.org:/export/c#", "/mnt/c#sharp", "nfs", "rw,nfsv4,minorversion=1", 0, 0, ""}},
		{Kind: KindEntry, Entry: Entry{"tmpfs", "/tmp", "tmpfs", "rw,size=64m,mode=1777", 0, 0, ""}},
		{Kind: KindAuto, Entry: Entry{"/iocage/releases/13.2-RELEASE/root/bin", "/iocage/jails/web/root/bin", "nullfs", "ro", 0, 0, AutoComment}},
		{Kind: KindUnknown, Reason: "missing information: 3 of at least 4 fields (source, destination, type, options)"},
		{Kind: KindEntry, Entry: Entry{"/bad /x", "nullfs", "ro", "0", 0, 0, ""}},
		{Kind: KindEntry, Entry: Entry{"/data/second", "/mnt/www/", "nullfs", "rw", 0, 0, ""}},
		{Kind: KindEntry, Entry: Entry{"/dev/da0p3", "none", "swap", "sw", 0, 0, ""}},
		{Kind: KindEntry, Entry: Entry{"/extra", "/mnt/extra", "nullfs", "ro,noauto", 0, 0, "kept"}},
		{Kind: KindBlank},
		{Kind: KindEntry, Entry: Entry{"/last", "/mnt/last", "nullfs", "ro", 2, 1, "no newline follows"}},
	}
	texts := strings.Split(string(data), "\n")
	got := f.Lines()
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d", len(got), len(want))
	}
	for i := range want {
		want[i].Text = texts[i]
		if got[i] != want[i] {
			t.Errorf("line %d:\n got %+v\nwant %+v", i+1, got[i], want[i])
		}
	}
}

func TestParseLine(t *testing.T) {
	tests := []struct {
		text  string
		kind  Kind
		entry Entry
	}{
		{"", KindBlank, Entry{}},
		{" \t\r", KindBlank, Entry{}},
		{"#", KindComment, Entry{}},
		{"/a /b nullfs", KindUnknown, Entry{}},
		{"/a /b nullfs ro", KindEntry, Entry{"/a", "/b", "nullfs", "ro", 0, 0, ""}},
		{"/a /b nullfs ro # four fields", KindEntry, Entry{"/a", "/b", "nullfs", "ro", 0, 0, "four fields"}},
		{"/a /b nullfs ro 7#x 8", KindEntry, Entry{"/a", "/b", "nullfs", "ro", 7, 8, ""}},
		{"/a /b nullfs ro x y", KindEntry, Entry{"/a", "/b", "nullfs", "ro", 0, 0, ""}},
		{"/a /b nullfs ro 0 0 #", KindEntry, Entry{"/a", "/b", "nullfs", "ro", 0, 0, ""}},
		{"/a /b nullfs ro 0 0 #a\tb ", KindEntry, Entry{"/a", "/b", "nullfs", "ro", 0, 0, "a\tb"}},
		{"/a /b nullfs ro 0 0 # größe", KindEntry, Entry{"/a", "/b", "nullfs", "ro", 0, 0, "größe"}},
		{"/a #b nullfs ro", KindUnknown, Entry{}},
		{`/a\011b\012c\134d /b nullfs ro`, KindEntry, Entry{"/a\tb\nc\\d", "/b", "nullfs", "ro", 0, 0, ""}},
		{`/a\sb\^?\M-a\M^A\x41 /b nullfs ro`, KindEntry, Entry{"/a b\x7f\xe1\x81A", "/b", "nullfs", "ro", 0, 0, ""}},
		{`/a\$b /b nullfs ro`, KindEntry, Entry{"/ab", "/b", "nullfs", "ro", 0, 0, ""}},
		{`/a\\ /b nullfs ro`, KindEntry, Entry{`/a\`, "/b", "nullfs", "ro", 0, 0, ""}},
		{`/a\000 /b nullfs ro`, KindUnknown, Entry{}},
		{`/a\M /b nullfs ro`, KindUnknown, Entry{}},
		{`/a /b\x nullfs ro`, KindUnknown, Entry{}},
		{"/a /b nullfs ro 0 0\r", KindEntry, Entry{"/a", "/b", "nullfs", "ro", 0, 0, ""}},
		{"[fe80::1]:/x /b nfs ro", KindEntry, Entry{"[fe80::1]:/x", "/b", "nfs", "ro", 0, 0, ""}},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			l := parseLine(tt.text)
			if l.kind != tt.kind || l.entry != tt.entry {
				t.Errorf("got %v %+v, want %v %+v", l.kind, l.entry, tt.kind, tt.entry)
			}
		})
	}
}

func TestEntriesAndOrder(t *testing.T) {
	f := Parse(readMixed(t))
	f.lines = append(f.lines[:10], f.lines[11:]...) // without the line with a type in the place of its path
	want := []string{"/mnt/www", "/mnt/my files", "/mnt/by libioc", "/mnt/c#sharp", "/tmp", "/mnt/www/", "/mnt/last"}
	var got []string
	for _, e := range f.MountOrder() {
		got = append(got, e.Destination)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("mount %q\nwant %q", got, want)
	}
	if n := len(f.Entries()); n != len(want)+2 {
		t.Errorf("%d entries, want swap and noauto as well", n)
	}
}

func TestAdd(t *testing.T) {
	f := Parse([]byte("/a\t/mnt/a\tnullfs\tro\t0\t0\n# end"))
	mustAdd := func(e Entry, o AddOptions) {
		t.Helper()
		if err := f.Add(e, o); err != nil {
			t.Fatal(err)
		}
	}
	mustAdd(Entry{Source: "/with blank", Destination: "/mnt/#b\tc", Comment: "two words"}, AddOptions{})
	mustAdd(Entry{Source: "/first", Destination: "/mnt/first", Type: "tmpfs", Options: "rw"}, AddOptions{Before: "/mnt/a"})
	mustAdd(Entry{Source: "/new", Destination: "/mnt/a/", Freq: 1, PassNo: 2}, AddOptions{Replace: true})
	want := "/first\t/mnt/first\ttmpfs\trw\t0\t0\n" +
		"/new\t/mnt/a/\tnullfs\tro\t1\t2\n" +
		"# end\n" +
		"/with\\040blank\t/mnt/#b\\011c\tnullfs\tro\t0\t0 # two words"
	if got := string(f.Marshal()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if e, ok := Parse(f.Marshal()).Find("/mnt/#b\tc"); !ok || e.Source != "/with blank" {
		t.Errorf("read back: %+v %v", e, ok)
	}
	var de *DestinationError
	err := f.Add(Entry{Source: "/x", Destination: "/mnt//first"}, AddOptions{})
	if !errors.Is(err, ErrDestinationExists) || !errors.As(err, &de) || de.Destination != "/mnt//first" {
		t.Errorf("duplicate: %v", err)
	}
	err = f.Add(Entry{Source: "/x", Destination: "/y"}, AddOptions{Before: "/nowhere"})
	if !errors.Is(err, ErrDestinationNotFound) {
		t.Errorf("before a missing one: %v", err)
	}
	if got := string(f.Marshal()); got != want {
		t.Errorf("a refused entry changed the file:\n%s", got)
	}
}

func TestAddToEmptyFile(t *testing.T) {
	var f File
	if err := f.Add(Entry{Source: "/a", Destination: "/b"}, AddOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, want := string(f.Marshal()), "/a\t/b\tnullfs\tro\t0\t0\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestInvalidEntries(t *testing.T) {
	tests := []struct {
		field string
		entry Entry
	}{
		{"source", Entry{"", "/b", "nullfs", "ro", 0, 0, ""}},
		{"source", Entry{"/a/../b", "/b", "nullfs", "ro", 0, 0, ""}},
		{"source", Entry{"/a\nb", "/b", "nullfs", "ro", 0, 0, ""}},
		{"destination", Entry{"/a", "b", "nullfs", "ro", 0, 0, ""}},
		{"destination", Entry{"/a", "", "nullfs", "ro", 0, 0, ""}},
		{"destination", Entry{"/a", "/b/..", "nullfs", "ro", 0, 0, ""}},
		{"destination", Entry{"/a", "/b\x00", "nullfs", "ro", 0, 0, ""}},
		{"type", Entry{"/a", "/b", "null fs", "ro", 0, 0, ""}},
		{"type", Entry{"/a", "/b", "#", "ro", 0, 0, ""}},
		{"options", Entry{"/a", "/b", "nullfs", "ro, rw", 0, 0, ""}},
		{"comment", Entry{"/a", "/b", "nullfs", "ro", 0, 0, "a\nb"}},
		{"comment", Entry{"/a", "/b", "nullfs", "ro", 0, 0, " a"}},
		{"comment", Entry{"/a", "/b", "nullfs", "ro", 0, 0, AutoComment}},
	}
	for _, tt := range tests {
		var f File
		var invalid *InvalidError
		err := f.Add(tt.entry, AddOptions{})
		if !errors.As(err, &invalid) || !errors.Is(err, ErrInvalid) || invalid.Field != tt.field {
			t.Errorf("%+v: got %v, want a refusal of its %s", tt.entry, err, tt.field)
		}
		if len(f.Marshal()) != 0 {
			t.Errorf("%+v was added", tt.entry)
		}
	}
}

func TestSetAndDelete(t *testing.T) {
	f := Parse([]byte("/c /1 nullfs ro\n  /a /1 nullfs ro 0 0 rest # c\n/b /2 nullfs ro\n/s none swap sw\n"))
	a, _ := f.Find("/1")
	if err := f.Set("/1", a); err != nil {
		t.Fatal(err)
	}
	if got := string(f.Marshal()); !strings.Contains(got, "\n  /a /1 nullfs ro 0 0 rest # c\n") {
		t.Errorf("setting the same entry changed its line:\n%s", got)
	}
	if err := f.Set("/1", Entry{Source: "/a", Destination: "/2"}); !errors.Is(err, ErrDestinationExists) {
		t.Errorf("taking another's destination: %v", err)
	}
	if err := f.Set("/9", a); !errors.Is(err, ErrDestinationNotFound) {
		t.Errorf("setting a missing one: %v", err)
	}
	a.Options = a.Options + ",noatime"
	if err := f.Set("/1", a); err != nil {
		t.Fatal(err)
	}
	want := "/c /1 nullfs ro\n/a\t/1\tnullfs\tro,noatime\t0\t0\trest # c\n/b /2 nullfs ro\n/s none swap sw\n"
	if got := string(f.Marshal()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if err := f.Delete("/1"); err != nil {
		t.Fatal(err)
	}
	if got, want := string(f.Marshal()), "/b /2 nullfs ro\n/s none swap sw\n"; got != want {
		t.Errorf("the shadowed line must not count after Delete: %q, want %q", got, want)
	}
	for _, dest := range []string{"/1", "none"} {
		if err := f.Delete(dest); !errors.Is(err, ErrDestinationNotFound) {
			t.Errorf("Delete(%q) = %v", dest, err)
		}
	}
}

// Before, a line with too few fields was ignored without a word.
func TestCheckNamesLineAndReason(t *testing.T) {
	for _, tt := range []struct {
		text, want string
	}{
		{string(readFile(t, "wrapped.fstab")), `fstab line 1: "/data/in ROOT/mnt/in nullfs": missing information: 3 of at least 4 fields (source, destination, type, options)`},
		{"# c\n\n/a /b nullfs ro\n/a /c\\x nullfs ro\n", `fstab line 4: "/a /c\\x nullfs ro": invalid escape in the destination`},
		{"/a\\M /b nullfs ro", `fstab line 1: "/a\\M /b nullfs ro": invalid escape in the source`},
	} {
		var syntax *SyntaxError
		err := Parse([]byte(tt.text)).Check()
		if !errors.As(err, &syntax) || !errors.Is(err, ErrSyntax) || err.Error() != tt.want {
			t.Errorf("%q: %v", tt.text, err)
		}
	}
	if err := Parse(readFile(t, "twice.fstab")).Check(); err != nil {
		t.Error(err)
	}
}

// Before, the first of two entries for one place counted and the second was ignored.
func TestTwoEntriesForOnePlace(t *testing.T) {
	f := Parse(readFile(t, "twice.fstab"))
	var sources []string
	for _, e := range f.MountOrder() {
		sources = append(sources, e.Source)
	}
	if !slices.Equal(sources, []string{"/data/a", "/data/b"}) {
		t.Errorf("mounted: %q", sources)
	}
	if e, ok := f.Find("ROOT/mnt/in"); ok && e.Source == "/data/b" {
		t.Error("a relative destination is compared as text")
	}
	f = Parse(bytes.ReplaceAll(readFile(t, "twice.fstab"), []byte("ROOT"), []byte("/r")))
	if lines := f.Lines(); !lines[0].Shadowed || lines[1].Shadowed {
		t.Errorf("the later one hides the first: %+v", lines)
	}
	if e, ok := f.Find("/r/mnt/in"); !ok || e.Source != "/data/b" {
		t.Errorf("on top: %+v %v", e, ok)
	}
	f = Parse([]byte("/a /1 nullfs ro\n/a /1/ nullfs ro 0 0\n/b /1 nullfs ro,noauto\n/b /1 nullfs ro\n/a /1 nullfs ro\n"))
	sources = nil
	for _, e := range f.MountOrder() {
		sources = append(sources, e.Source)
	}
	if !slices.Equal(sources, []string{"/a", "/b", "/a"}) {
		t.Errorf("a line that repeats what is on top is mounted once: %q", sources)
	}
	f = Parse([]byte("/a /1 nullfs ro\n/c /2 nullfs ro\n/a/ /1 nullfs rw\n"))
	if list := f.MountOrder(); len(list) != 2 || list[0].Source != "/c" || list[1].Options != "rw" {
		t.Errorf("of one source and place the later counts: %+v", list)
	}
}

func TestRootMakesDestinationsEqual(t *testing.T) {
	f := Parse([]byte("/a /j/root/mnt nullfs ro\n"))
	if _, ok := f.Find("/mnt"); ok {
		t.Error("found without Root")
	}
	f.Root = "/j/root"
	if _, ok := f.Find("/mnt/"); !ok {
		t.Error("not found with Root")
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"mixed.fstab", "wrapped.fstab", "twice.fstab", "linux.fstab"} {
		f.Add(readFile(f, name))
	}
	f.Add([]byte("/a\\ b\t/c\\040d nullfs ro,size=1 1 2 x # y\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := Parse(data)
		if got := file.Marshal(); !bytes.Equal(got, data) {
			t.Fatalf("%q became %q", data, got)
		}
		unread := slices.IndexFunc(file.Lines(), func(l Line) bool { return l.Kind == KindUnknown })
		var syntax *SyntaxError
		if err := file.Check(); errors.As(err, &syntax) != (unread >= 0) || syntax != nil && syntax.Line != unread+1 {
			t.Fatalf("line %d cannot be read, and Check says %v", unread+1, err)
		}
		for _, e := range file.Entries() {
			if e.Validate() != nil {
				continue
			}
			l := parseLine(e.String())
			if l.kind != KindEntry || l.entry != e {
				t.Fatalf("%+v is written as %q and read as %v %+v", e, e.String(), l.kind, l.entry)
			}
		}
	})
}
