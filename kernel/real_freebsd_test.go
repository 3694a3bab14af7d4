//go:build amd64 || arm64 || riscv64

package kernel

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain is what a program does that wants In by system calls. The replay
// starts this binary inside jails, too.
func TestMain(m *testing.M) {
	if VnetChild() {
		return
	}
	if jid := os.Getenv(insideEnv); jid != "" {
		os.Exit(serveInside(jid))
	}
	os.Exit(m.Run())
}

// realKernel skips where the real calls cannot work, and says why.
func realKernel(t testing.TB) *freebsd {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skipf("needs root, this is user %d", os.Geteuid())
	}
	k := New().(*freebsd)
	if jailed, err := k.SysctlInt(context.Background(), "security.jail.jailed"); err != nil || jailed != 0 {
		t.Skipf("needs the host, security.jail.jailed is %d (%v)", jailed, err)
	}
	return k
}

// realDir is a folder below a real path, so that getfsstat(2) shows it as it is.
func realDir(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	check(t, err)
	return dir
}

// realJail makes a jail over path and removes it at the end.
func realJail(t testing.TB, k *freebsd, name, path string, params ...Param) Identity {
	t.Helper()
	ctx := context.Background()
	_, err := k.JailSet(ctx, JailCreate, append([]Param{String("name", name), String("path", path), Bool("persist", true)}, params...)...)
	check(t, err)
	id, err := k.JailIdentify(ctx, 0, ByName(name))
	check(t, err)
	t.Cleanup(func() {
		if err := k.JailRemove(ctx, id); err != nil && !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		waitGone(t, k, id)
	})
	return id
}

// waitGone waits until not even a dying jail is left.
func waitGone(t testing.TB, k *freebsd, id Identity) {
	t.Helper()
	for range 500 {
		if _, err := k.JailIdentify(context.Background(), JailDying, ByJID(id.JID)); errors.Is(err, ErrNotFound) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%v is still dying after 5 s", id)
}

func TestRealFeatures(t *testing.T) {
	k := realKernel(t)
	f, err := k.Features(context.Background())
	check(t, err)
	if f.OSRelDate < 1302000 || !strings.Contains(f.OSRelease, ".") || f.Machine == "" || f.Arch == "" || f.Jailed {
		t.Errorf("%+v", f)
	}
	if f.JailDesc != (f.OSRelDate >= 1500000) {
		t.Errorf("jail descriptors %v on %d", f.JailDesc, f.OSRelDate)
	}
	t.Logf("%+v", f)
	id, err := k.BootID(context.Background())
	if err != nil || len(id) != 32 {
		t.Errorf("boot id %q, %v", id, err)
	}
	for name, want := range map[string]error{"kern.nosuch": ErrNotFound, "": ErrNotFound, "kern": syscall.EISDIR, "kern.osreldate": syscall.EINVAL} {
		if _, err := k.SysctlString(context.Background(), name); !errors.Is(err, want) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := k.SysctlInt(context.Background(), "kern.ostype"); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("text read as a number: %v", err)
	}
	if n, err := k.SysctlInt(context.Background(), "kern.securelevel"); err != nil || n < -1 || n > 3 {
		t.Errorf("kern.securelevel %d %v", n, err)
	}
}

// TestRealParams compares the table of known parameters with the kernel's.
func TestRealParams(t *testing.T) {
	k := realKernel(t)
	list, err := k.JailParams(context.Background())
	check(t, err)
	found := 0
	for _, p := range list {
		want, _, ok := findParam(knownParams, p.Name)
		if !ok {
			t.Logf("not in the table: %+v", p)
			continue
		}
		found++
		if p != want {
			t.Errorf("kernel %+v, table %+v", p, want)
		}
	}
	if found < 40 {
		t.Errorf("only %d of the table are in the kernel", found)
	}
}

func TestRealJailLife(t *testing.T) {
	ctx := context.Background()
	k := realKernel(t)
	dir := realDir(t)
	id := realJail(t, k, "klife", dir, Ulong("host.hostid", 42), String("host.hostname", "h.example"), Addrs("ip4.addr", mustAddr("127.0.0.1")))
	if id.JID <= 0 || id.Name != "klife" || id.Incarnation == 0 {
		t.Errorf("identity %+v", id)
	}
	p, err := k.JailGet(ctx, 0, ByJID(id.JID), "name", "path", "host.hostname", "host.hostid", "persist", "nopersist", "ip4", "ip4.addr", "ip6.addr", "vnet", "securelevel", "allow.set_hostname", "osrelease", "parent", "dying")
	check(t, err)
	if p.String("name") != "klife" || p.String("path") != dir || p.String("host.hostname") != "h.example" || p.Ulong("host.hostid") != 42 ||
		!p.Bool("persist") || p.Bool("nopersist") || !p.Bool("allow.set_hostname") || p.Bool("dying") || p.Int("securelevel") < -1 ||
		!slices.Equal(p.Addrs("ip4.addr", 4), Params{Addrs("a", mustAddr("127.0.0.1"))}.Addrs("a", 4)) || len(p.Addrs("ip6.addr", 16)) != 0 || p.String("osrelease") == "" {
		t.Errorf("read %q", p)
	}
	if _, err := k.JailSet(ctx, JailUpdate, ByJID(id.JID), Bool("allow.raw_sockets", true), Int("children.max", 3), String("host.hostname", "")); err != nil {
		t.Error(err)
	}
	child := realJail(t, k, "klife.child", dir)
	p, err = k.JailGet(ctx, 0, ByName("klife.child"), "parent", "name")
	if err != nil || p.Int("parent") != id.JID || p.String("name") != "klife.child" {
		t.Errorf("child %q %v", p, err)
	}
	var names []string
	for p, err := range k.JailList(ctx, 0, "path", "allow.raw_sockets") {
		check(t, err)
		if p.Int("jid") >= id.JID {
			names = append(names, p.String("name")+" "+p.String("path")+" "+itoa(p.Int("allow.raw_sockets")))
		}
	}
	if want := []string{"klife " + dir + " 1", "klife.child " + dir + " 0"}; !slices.Equal(names, want) {
		t.Errorf("listed %q", names)
	}
	// After a rename the old identities are stale and remove nothing. The child is
	// renamed with its parent: FreeBSD 15 gives no nested jail a dotted name by jid.
	_, err = k.JailSet(ctx, JailUpdate, ByJID(id.JID), String("name", "krenamed"))
	check(t, err)
	wantErr(t, k.JailRemove(ctx, id), ErrStale)
	wantErr(t, k.JailRemove(ctx, child), ErrStale)
	t.Cleanup(func() {
		if now, err := k.JailIdentify(ctx, 0, ByJID(id.JID)); err == nil && now.Incarnation == id.Incarnation {
			check(t, k.JailRemove(ctx, now)) // the test has failed on its way
		}
	})
	id.Name, child.Name = "krenamed", "krenamed.child"
	p, err = k.JailGet(ctx, 0, ByJID(child.JID), "parent", "name")
	if err != nil || p.Int("parent") != id.JID || p.String("name") != child.Name {
		t.Errorf("renamed child %q %v", p, err)
	}
	stale := child
	stale.Incarnation += 1000
	wantErr(t, k.JailRemove(ctx, stale), ErrStale)
	check(t, k.JailRemove(ctx, child))
	waitGone(t, k, child)
	wantErr(t, k.JailRemove(ctx, child), ErrNotFound, syscall.EINVAL)
	check(t, k.JailRemove(ctx, id))
	waitGone(t, k, id)
	_, err = k.JailGet(ctx, 0, ByJID(id.JID), "name")
	wantErr(t, err, ErrNotFound, syscall.ENOENT)
}

func TestRealJailErrors(t *testing.T) {
	ctx := context.Background()
	k := realKernel(t)
	dir := realDir(t)
	file := filepath.Join(dir, "file")
	check(t, os.WriteFile(file, nil, 0o644))
	id := realJail(t, k, "kerrs", dir)
	create := func(params ...Param) []Param { return append([]Param{Bool("persist", true)}, params...) }
	for _, c := range []struct {
		what   string
		flags  SetFlags
		params []Param
		want   error
		blame  string
		msg    string
	}{
		{"no path", JailCreate, create(String("name", "kx")), syscall.EINVAL, "path", ""},
		{"path missing", JailCreate, create(String("name", "kx"), String("path", dir+"/nosuch")), syscall.ENOENT, "path", "no such directory"},
		{"path a file", JailCreate, create(String("name", "kx"), String("path", file)), syscall.ENOTDIR, "path", "not a directory"},
		{"path relative", JailCreate, create(String("name", "kx"), String("path", "etc")), syscall.ENOENT, "path", "not absolute"},
		{"name taken", JailCreate, create(String("name", "kerrs"), String("path", dir)), ErrExists, "", "already exists"},
		{"name too long", JailCreate, create(String("name", strings.Repeat("n", 256)), String("path", dir)), syscall.ENAMETOOLONG, "name", "at most 255"},
		{"unknown", JailCreate, create(String("name", "kx"), String("path", dir), Bool("allow.nosuch", true)), syscall.EINVAL, "allow.nosuch", "unknown parameter"},
		{"neither persist nor attach", JailCreate, []Param{String("name", "kx"), String("path", dir)}, syscall.EINVAL, "persist", "persist or attach"},
		{"not found", JailUpdate, create(String("name", "knosuch")), ErrNotFound, "", "not found"},
		{"path changed", JailUpdate, []Param{ByJID(id.JID), String("path", "/")}, syscall.EINVAL, "path", "cannot be changed"},
		{"wrong size", JailUpdate, []Param{ByJID(id.JID), Ulong("securelevel", 1)}, syscall.EINVAL, "securelevel", "takes 4 bytes"},
		{"address twice", JailCreate, create(String("name", "kx"), String("path", dir), Addrs("ip4.addr", mustAddr("192.0.2.1"), mustAddr("192.0.2.1"))), syscall.EINVAL, "ip4.addr", "twice"},
		{"too much", JailCreate, create(String("name", "kx"), String("path", dir), String("host.hostname", strings.Repeat("x", 70000))), syscall.EINVAL, "", "65536"},
		{"NUL", JailCreate, create(String("name", "k\x00x"), String("path", dir)), syscall.EINVAL, "name", "NUL"},
	} {
		jid, err := k.JailSet(ctx, c.flags, c.params...)
		var e *JailError
		if !errors.Is(err, c.want) || !errors.As(err, &e) || e.Param != c.blame || !strings.Contains(e.Msg, c.msg) {
			t.Errorf("%s: %d, %#v", c.what, jid, err)
		}
	}
	_, err := k.JailGet(ctx, 0, ByName("kerrs"), "nosuch.param")
	var e *JailError
	if !errors.As(err, &e) || e.Param != "nosuch.param" || e.Errno != syscall.EINVAL {
		t.Errorf("unknown in get: %#v", err)
	}
}

// TestRealManyAddresses reads lists at the kernel's own limit.
func TestRealManyAddresses(t *testing.T) {
	ctx := context.Background()
	k := realKernel(t)
	var four, six []Param
	var data4, data6 []byte
	for i := range 255 {
		data4 = append(data4, 127, 1, 0, byte(i+1))
		data6 = append(data6, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(i+1))
	}
	four, six = []Param{{"ip4.addr", data4}}, []Param{{"ip6.addr", data6}}
	id := realJail(t, k, "kmany", realDir(t), append(four, six...)...)
	p, err := k.JailGet(ctx, 0, ByJID(id.JID), "ip4.addr", "ip6.addr")
	check(t, err)
	if a, b := p.Addrs("ip4.addr", 4), p.Addrs("ip6.addr", 16); len(a) != 255 || len(b) != 255 {
		t.Errorf("read %d and %d", len(a), len(b))
	}
}
