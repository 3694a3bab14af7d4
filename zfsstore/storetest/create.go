package storetest

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/libioc/go-libioc/zfsstore"
)

func testCreate(t *tester) {
	before := time.Now().Add(-2 * time.Second)
	t.create("a")
	d := t.get("a")
	root, err := t.Store.Get(t.ctx, t.Root, zfsstore.GetOptions{})
	t.ok(err)
	switch {
	case d.Name != t.in("a"), d.Type != zfsstore.Filesystem, !d.Mounted, d.GUID == 0, d.GUID == root.GUID,
		d.CreateTXG <= root.CreateTXG, d.Origin != "", len(d.Clones) != 0, d.Used == 0, d.Available == 0, d.Referenced == 0:
		t.Errorf("created %+v below %+v", d, root)
	case d.Mountpoint != filepath.Join(root.Mountpoint, "a"):
		t.Errorf("mountpoint %q below %q", d.Mountpoint, root.Mountpoint)
	case d.Creation.Before(before), d.Creation.After(time.Now().Add(2 * time.Second)):
		t.Errorf("created at %v", d.Creation)
	case len(d.Properties) != 0:
		t.Errorf("properties nobody asked for: %v", d.Properties)
	}
	t.write(t.path("a", "file"), "content")

	t.ok(t.Store.Create(t.ctx, t.in("p/q/r"), zfsstore.CreateOptions{Parents: true}))
	t.ok(t.Store.Create(t.ctx, t.in("p/q/r"), zfsstore.CreateOptions{Parents: true}))
	t.ok(t.Store.Create(t.ctx, t.in("with space"), zfsstore.CreateOptions{}))
	t.ok(t.Store.Create(t.ctx, t.in("quiet"), zfsstore.CreateOptions{NoMount: true}))
	if t.get("quiet").Mounted {
		t.Error("NoMount: mounted")
	}
	t.ok(t.Store.Create(t.ctx, t.in("set"), zfsstore.CreateOptions{Properties: map[string]string{
		"compression": "lz4", "org.test:note": "two words, a = b", "canmount": "noauto",
	}}))
	set := t.get("set", "compression", "org.test:note", "canmount")
	want := map[string]zfsstore.Property{
		"compression":   {Value: "lz4", Source: zfsstore.SourceLocal},
		"org.test:note": {Value: "two words, a = b", Source: zfsstore.SourceLocal},
		"canmount":      {Value: "noauto", Source: zfsstore.SourceLocal},
	}
	for name, p := range want {
		if set.Properties[name] != p {
			t.Errorf("%s is %+v, want %+v", name, set.Properties[name], p)
		}
	}
	if set.Mounted {
		t.Error("canmount=noauto: mounted")
	}
	t.wantNames([]string{"a", "p", "p/q", "p/q/r", "quiet", "set", "with space"})
}

func testCreateRefusals(t *tester) {
	t.create("a")
	t.ok(t.Store.Create(t.ctx, t.in("vol"), zfsstore.CreateOptions{VolumeSize: 1 << 20}))
	pool, _, _ := strings.Cut(t.Root, "/")
	for _, test := range []struct {
		name string
		opts zfsstore.CreateOptions
		want error
	}{
		{t.in("a"), zfsstore.CreateOptions{}, zfsstore.ErrExists},
		{t.in("vol"), zfsstore.CreateOptions{}, zfsstore.ErrExists},
		{t.in("no/parent"), zfsstore.CreateOptions{}, zfsstore.ErrParentNotFound},
		{pool + "nosuch/a", zfsstore.CreateOptions{}, zfsstore.ErrNoPool},
		{pool + "nosuch/a", zfsstore.CreateOptions{Parents: true}, zfsstore.ErrNoPool},
		{t.in("b"), zfsstore.CreateOptions{Properties: map[string]string{"nosuchprop": "1"}}, zfsstore.ErrInvalidProperty},
		{t.in("b"), zfsstore.CreateOptions{Properties: map[string]string{"compression": "bogus"}}, zfsstore.ErrInvalidProperty},
		{t.in("b"), zfsstore.CreateOptions{Properties: map[string]string{"quota": "1"}}, zfsstore.ErrNoSpace},
		{t.in("b"), zfsstore.CreateOptions{Properties: map[string]string{"mountpoint": "relative"}}, zfsstore.ErrInvalidProperty},
	} {
		t.refused(t.Store.Create(t.ctx, test.name, test.opts), test.want)
	}
	t.wantNames([]string{"a", "vol"})
}

func testNames(t *tester) {
	for _, name := range []string{
		t.in("bad@name"), t.in("bad%name"), t.in("bad#name"), t.in("it's"), t.in("a,b"), t.Root + "/", "/" + t.Root, t.Root + "//x", "",
		"-r", t.in(strings.Repeat("x", 256)), t.in("a\nb"), t.in("ä"), t.in("."), t.in(".."),
	} {
		t.refused(t.Store.Create(t.ctx, name, zfsstore.CreateOptions{}), zfsstore.ErrInvalidName)
	}
	// A name that is read as a range or a list of snapshots would destroy several.
	t.create("a")
	t.snapshot("a@1")
	t.snapshot("a@2")
	for _, name := range []string{"a@1%2", "a@1,2", "a@%"} {
		t.refused(t.Store.Destroy(t.ctx, t.in(name), zfsstore.DestroyOptions{}), zfsstore.ErrInvalidName)
	}
	t.refused(t.Store.Destroy(t.ctx, "-r", zfsstore.DestroyOptions{}), zfsstore.ErrInvalidName)
	t.wantNames([]string{"a", "a@1", "a@2"}, all...)
}

func testVolume(t *tester) {
	t.ok(t.Store.Create(t.ctx, t.in("vol"), zfsstore.CreateOptions{VolumeSize: 10 << 20}))
	d := t.get("vol", "volsize")
	if d.Type != zfsstore.Volume || d.Mountpoint != "" || d.Mounted || d.Properties["volsize"].Value != "10485760" {
		t.Errorf("made %+v", d)
	}
	t.refused(t.Store.Mount(t.ctx, t.in("vol")), zfsstore.ErrWrongType)
	t.ok(t.Store.Snapshot(t.ctx, t.in("vol@1"), zfsstore.SnapshotOptions{}))
	t.ok(t.Store.Clone(t.ctx, t.in("vol@1"), t.in("copy"), zfsstore.CloneOptions{}))
	if d := t.get("copy"); d.Type != zfsstore.Volume || d.Origin != t.in("vol@1") {
		t.Errorf("cloned %+v", d)
	}
	t.wantNames([]string{"copy", "vol"}, zfsstore.Volume)
	t.wantNames(nil, zfsstore.Filesystem)
}

func testList(t *tester) {
	t.create("b", "b/c", "b-d", "a")
	t.snapshot("b@z")
	t.snapshot("b@y")
	t.snapshot("b/c@x")
	t.ok(t.Store.Create(t.ctx, t.in("v"), zfsstore.CreateOptions{VolumeSize: 1 << 20}))

	t.wantNames([]string{"a", "b", "b-d", "b/c", "v"})
	t.wantNames([]string{"a", "b", "b@z", "b@y", "b-d", "b/c", "b/c@x", "v"}, all...)
	t.wantNames([]string{"b@z", "b@y", "b/c@x"}, zfsstore.Snapshot)

	list := func(root string, opts zfsstore.ListOptions) (names []string) {
		found, err := t.Store.List(t.ctx, root, opts)
		t.ok(err)
		for _, d := range found {
			names = append(names, d.Name)
		}
		return names
	}
	for _, test := range []struct {
		root string
		opts zfsstore.ListOptions
		want []string
	}{
		{t.Root, zfsstore.ListOptions{Depth: 1}, []string{t.Root, t.in("a"), t.in("b"), t.in("b-d"), t.in("v")}},
		{t.in("b"), zfsstore.ListOptions{}, []string{t.in("b"), t.in("b/c")}},
		{t.in("b"), zfsstore.ListOptions{Depth: 1, Types: all}, []string{t.in("b"), t.in("b@z"), t.in("b@y"), t.in("b/c")}},
	} {
		if got := list(test.root, test.opts); !slices.Equal(got, test.want) {
			t.Errorf("List(%s, %+v) is %q, want %q", test.root, test.opts, got, test.want)
		}
	}
	if everything := list("", zfsstore.ListOptions{}); !slices.Contains(everything, t.in("b/c")) {
		t.Errorf("List of all pools lacks %s: %q", t.in("b/c"), everything)
	}
	_, err := t.Store.List(t.ctx, t.in("nosuch"), zfsstore.ListOptions{})
	t.refused(err, zfsstore.ErrNotFound)
	_, err = t.Store.Get(t.ctx, t.in("nosuch"), zfsstore.GetOptions{})
	t.refused(err, zfsstore.ErrNotFound)
	_, err = t.Store.Get(t.ctx, t.in("b@nosuch"), zfsstore.GetOptions{})
	t.refused(err, zfsstore.ErrNotFound)

	// List and Get agree.
	found, err := t.Store.List(t.ctx, t.Root, zfsstore.ListOptions{Types: all, Properties: []string{"compression", "org.test:x"}})
	t.ok(err)
	for _, listed := range found {
		got, err := t.Store.Get(t.ctx, listed.Name, zfsstore.GetOptions{Properties: []string{"compression", "org.test:x"}})
		t.ok(err)
		if got.GUID != listed.GUID || got.CreateTXG != listed.CreateTXG || got.Mountpoint != listed.Mountpoint ||
			got.Type != listed.Type || got.Properties["compression"] != listed.Properties["compression"] {
			t.Errorf("Get says %+v, List %+v", got, listed)
		}
	}
}

func testPools(t *tester) {
	pools, err := t.Store.Pools(t.ctx)
	t.ok(err)
	name, _, _ := strings.Cut(t.Root, "/")
	i := slices.IndexFunc(pools, func(p zfsstore.Pool) bool { return p.Name == name })
	if i < 0 {
		t.Fatalf("no pool %s in %+v", name, pools)
	}
	if p := pools[i]; p.Health != "ONLINE" || p.GUID == 0 || p.Size == 0 || p.Free == 0 || p.Allocated+p.Free > p.Size || p.ReadOnly {
		t.Errorf("pool is %+v", p)
	}
}
