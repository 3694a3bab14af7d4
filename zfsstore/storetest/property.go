package storetest

import (
	"strings"

	"github.com/libioc/go-libioc/zfsstore"
)

func (t *tester) wantProperty(dataset, name, value string, source zfsstore.Source) {
	t.Helper()
	d := t.get(dataset, name)
	want := zfsstore.Property{Value: value, Source: source}
	if got := d.Properties[name]; got != want {
		t.Errorf("%s of %s is %+v, want %+v", name, dataset, got, want)
	}
	if len(d.Properties) != 1 {
		t.Errorf("asked for %s, got %v", name, d.Properties)
	}
}

func (t *tester) set(dataset, name, value string) {
	t.Helper()
	t.ok(t.Store.Set(t.ctx, t.in(dataset), map[string]string{name: value}))
}

func testProperties(t *tester) {
	t.create("a", "a/b")
	t.snapshot("a/b@s")
	// Not readonly: FreeBSD shows how a mounted child is mounted instead.
	t.wantProperty("a", "copies", "1", zfsstore.SourceDefault)
	t.set("a", "copies", "2")
	t.set("a", "org.test:tag", "x")
	inherited := zfsstore.Source("inherited from " + t.in("a"))
	t.wantProperty("a", "copies", "2", zfsstore.SourceLocal)
	t.wantProperty("a/b", "copies", "2", inherited)
	t.wantProperty("a/b", "org.test:tag", "x", inherited)
	t.wantProperty("a/b@s", "org.test:tag", "x", inherited)
	t.wantProperty("a", "quota", "0", zfsstore.SourceDefault)
	t.set("a", "quota", "64M")
	t.wantProperty("a", "quota", "67108864", zfsstore.SourceLocal)
	t.wantProperty("a/b", "quota", "0", zfsstore.SourceDefault)
	t.set("a", "quota", "none")
	t.set("a/b@s", "org.test:own", "1")
	t.wantProperty("a/b@s", "org.test:own", "1", zfsstore.SourceLocal)

	everything := t.get("a/b", zfsstore.AllProperties)
	for _, name := range []string{"type", "creation", "used", "mountpoint", "compression", "guid", "org.test:tag", "canmount"} {
		if _, ok := everything.Properties[name]; !ok {
			t.Errorf("all properties lack %s: %v", name, everything.Properties)
		}
	}
	if p := everything.Properties["org.test:tag"]; p.Value != "x" || p.Source != inherited {
		t.Errorf("org.test:tag is %+v", p)
	}
	if p := everything.Properties["type"]; p.Value != "filesystem" || p.Source != zfsstore.SourceNone {
		t.Errorf("type is %+v", p)
	}
	if d := t.get("a/b", "org.test:unset"); len(d.Properties) != 0 {
		t.Errorf("an unset user property is there: %v", d.Properties)
	}
	t.ok(t.Store.Set(t.ctx, t.in("a"), map[string]string{"org.test:one": "1", "org.test:two": "2", "atime": "off"}))
	t.wantProperty("a", "org.test:two", "2", zfsstore.SourceLocal)
	t.wantProperty("a", "atime", "off", zfsstore.SourceLocal)
}

func testPropertyRefusals(t *tester) {
	t.create("a")
	for _, test := range []struct{ name, value string }{
		{"nocolon", "v"}, {"Upper:case", "1"}, {"used", "5"}, {"type", "volume"}, {"mountpoint", "relative"},
		{"compression", "bogus"}, {"readonly", "maybe"}, {"quota", "lots"},
		{"org.test:long", strings.Repeat("x", 8192)}, {"org.test:" + strings.Repeat("k", 256), "v"}, {"casesensitivity", "mixed"},
	} {
		err := t.Store.Set(t.ctx, t.in("a"), map[string]string{test.name: test.value})
		t.refused(err, zfsstore.ErrInvalidProperty)
	}
	t.refused(t.Store.Set(t.ctx, t.in("nosuch"), map[string]string{"atime": "off"}), zfsstore.ErrNotFound)
	_, err := t.Store.Get(t.ctx, t.in("a"), zfsstore.GetOptions{Properties: []string{"nosuchprop"}})
	t.refused(err, zfsstore.ErrInvalidProperty)
	_, err = t.Store.List(t.ctx, t.in("a"), zfsstore.ListOptions{Properties: []string{"nosuchprop"}})
	t.refused(err, zfsstore.ErrInvalidProperty)
}

func testUserPropertyValues(t *tester) {
	t.create("a", "b")
	forged := "x\tlocal\n" + t.in("b") + "\torg.test:note\tforged\tlocal"
	for _, value := range []string{
		"", "-", " ", "two words: and colon", "a\tb", "a\nb", "tail\t", "\n", "'\"\\$", "ä€", strings.Repeat("x", 8191), "x\tlocal", forged,
		"x\tlocal\n" + t.in("c") + "\ttype\tfilesystem\t-",
	} {
		t.set("a", "org.test:note", value)
		t.wantProperty("a", "org.test:note", value, zfsstore.SourceLocal)
		found, err := t.Store.List(t.ctx, t.Root, zfsstore.ListOptions{Properties: []string{"org.test:note"}})
		t.ok(err)
		for _, d := range found {
			got, ok := d.Properties["org.test:note"]
			if want := d.Name == t.in("a"); ok != want || ok && got.Value != value {
				t.Errorf("value %.40q: %s has %.40q, %v", value, d.Name, got.Value, ok)
			}
		}
		if len(found) != 3 {
			t.Errorf("value %.40q: listed %d datasets, want 3", value, len(found))
		}
	}
}

func testInherit(t *tester) {
	t.create("a", "a/b")
	t.set("a", "org.test:tag", "x")
	t.set("a/b", "org.test:tag", "y")
	t.set("a/b", "atime", "off")
	t.ok(t.Store.Inherit(t.ctx, t.in("a/b"), "org.test:tag", false))
	t.wantProperty("a/b", "org.test:tag", "x", zfsstore.Source("inherited from "+t.in("a")))
	t.ok(t.Store.Inherit(t.ctx, t.in("a/b"), "atime", false))
	t.wantProperty("a/b", "atime", "on", zfsstore.SourceDefault)
	t.set("a/b", "org.test:tag", "y")
	t.ok(t.Store.Inherit(t.ctx, t.in("a"), "org.test:tag", true))
	if d := t.get("a/b", "org.test:tag"); len(d.Properties) != 0 {
		t.Errorf("inherited recursively: %v", d.Properties)
	}
	t.ok(t.Store.Inherit(t.ctx, t.in("a"), "org.test:never", false))
	t.refused(t.Store.Inherit(t.ctx, t.in("a"), "nosuchprop", false), zfsstore.ErrInvalidProperty)
	t.refused(t.Store.Inherit(t.ctx, t.in("a"), "used", false), zfsstore.ErrInvalidProperty)
	t.refused(t.Store.Inherit(t.ctx, t.in("a"), "canmount", false), zfsstore.ErrInvalidProperty)
	t.refused(t.Store.Inherit(t.ctx, t.in("a"), "quota", false), zfsstore.ErrInvalidProperty)
	t.refused(t.Store.Inherit(t.ctx, t.in("nosuch"), "atime", false), zfsstore.ErrNotFound)
}
