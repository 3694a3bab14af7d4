//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/jailparam"
)

// TestMain is what a program does that wants In by system calls. The replay
// starts this binary inside jails, too.
func TestMain(m *testing.M) {
	Main()
	if jid := os.Getenv(insideEnv); jid != "" {
		os.Exit(serveInside(jid))
	}
	os.Exit(m.Run())
}

// realKernel skips where the real calls cannot work, and says why.
func realKernel(t testing.TB) *system {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skipf("needs root, this is user %d", os.Geteuid())
	}
	opened, err := New()
	check(t, err)
	k := opened.(*system)
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
func realJail(t testing.TB, k *system, name, path string, params ...kernel.Param) kernel.Identity {
	t.Helper()
	ctx := context.Background()
	_, err := k.JailSet(ctx, kernel.JailCreate, append([]kernel.Param{kernel.String("name", name), kernel.String("path", path), kernel.Bool("persist", true)}, params...)...)
	check(t, err)
	id, err := k.JailIdentify(ctx, 0, kernel.ByName(name))
	check(t, err)
	t.Cleanup(func() {
		if err := k.JailRemove(ctx, id); err != nil && !errors.Is(err, kernel.ErrNotFound) {
			t.Error(err)
		}
		waitGone(t, k, id)
	})
	return id
}

// waitGone waits until not even a dying jail is left.
func waitGone(t testing.TB, k *system, id kernel.Identity) {
	t.Helper()
	for range 500 {
		if _, err := k.JailIdentify(context.Background(), kernel.JailDying, kernel.ByJID(id.JID)); errors.Is(err, kernel.ErrNotFound) {
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
	for name, want := range map[string]error{"kern.nosuch": kernel.ErrNotFound, "": kernel.ErrNotFound, "kern": syscall.EISDIR, "kern.osreldate": syscall.EINVAL} {
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
		want, _, ok := jailparam.Find(jailparam.Known, p.Name)
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
	id := realJail(t, k, "klife", dir, kernel.Ulong("host.hostid", 42), kernel.String("host.hostname", "h.example"), kernel.Addrs("ip4.addr", mustAddr("127.0.0.1")))
	if id.JID <= 0 || id.Name != "klife" || id.Incarnation == 0 {
		t.Errorf("identity %+v", id)
	}
	p, err := k.JailGet(ctx, 0, kernel.ByJID(id.JID), "name", "path", "host.hostname", "host.hostid", "persist", "nopersist", "ip4", "ip4.addr", "ip6.addr", "vnet", "securelevel", "allow.set_hostname", "osrelease", "parent", "dying")
	check(t, err)
	if p.String("name") != "klife" || p.String("path") != dir || p.String("host.hostname") != "h.example" || p.Ulong("host.hostid") != 42 ||
		!p.Bool("persist") || p.Bool("nopersist") || !p.Bool("allow.set_hostname") || p.Bool("dying") || p.Int("securelevel") < -1 ||
		!slices.Equal(p.Addrs("ip4.addr", 4), kernel.Params{kernel.Addrs("a", mustAddr("127.0.0.1"))}.Addrs("a", 4)) || len(p.Addrs("ip6.addr", 16)) != 0 || p.String("osrelease") == "" {
		t.Errorf("read %q", p)
	}
	if _, err := k.JailSet(ctx, kernel.JailUpdate, kernel.ByJID(id.JID), kernel.Bool("allow.raw_sockets", true), kernel.Int("children.max", 3), kernel.String("host.hostname", "")); err != nil {
		t.Error(err)
	}
	child := realJail(t, k, "klife.child", dir)
	p, err = k.JailGet(ctx, 0, kernel.ByName("klife.child"), "parent", "name")
	if err != nil || p.Int("parent") != id.JID || p.String("name") != "klife.child" {
		t.Errorf("child %q %v", p, err)
	}
	var names []string
	for p, err := range k.JailList(ctx, 0, "path", "allow.raw_sockets") {
		check(t, err)
		if p.Int("jid") >= id.JID {
			names = append(names, p.String("name")+" "+p.String("path")+" "+strconv.Itoa(p.Int("allow.raw_sockets")))
		}
	}
	if want := []string{"klife " + dir + " 1", "klife.child " + dir + " 0"}; !slices.Equal(names, want) {
		t.Errorf("listed %q", names)
	}
	// After a rename the old identities are stale and remove nothing. The child is
	// renamed with its parent: FreeBSD 15 gives no nested jail a dotted name by jid.
	_, err = k.JailSet(ctx, kernel.JailUpdate, kernel.ByJID(id.JID), kernel.String("name", "krenamed"))
	check(t, err)
	wantErr(t, k.JailRemove(ctx, id), kernel.ErrStale)
	wantErr(t, k.JailRemove(ctx, child), kernel.ErrStale)
	t.Cleanup(func() {
		if now, err := k.JailIdentify(ctx, 0, kernel.ByJID(id.JID)); err == nil && now.Incarnation == id.Incarnation {
			check(t, k.JailRemove(ctx, now)) // the test has failed on its way
		}
	})
	id.Name, child.Name = "krenamed", "krenamed.child"
	p, err = k.JailGet(ctx, 0, kernel.ByJID(child.JID), "parent", "name")
	if err != nil || p.Int("parent") != id.JID || p.String("name") != child.Name {
		t.Errorf("renamed child %q %v", p, err)
	}
	stale := child
	stale.Incarnation += 1000
	wantErr(t, k.JailRemove(ctx, stale), kernel.ErrStale)
	check(t, k.JailRemove(ctx, child))
	waitGone(t, k, child)
	wantErr(t, k.JailRemove(ctx, child), kernel.ErrNotFound, syscall.EINVAL)
	check(t, k.JailRemove(ctx, id))
	waitGone(t, k, id)
	_, err = k.JailGet(ctx, 0, kernel.ByJID(id.JID), "name")
	wantErr(t, err, kernel.ErrNotFound, syscall.ENOENT)
}

func TestRealJailErrors(t *testing.T) {
	ctx := context.Background()
	k := realKernel(t)
	dir := realDir(t)
	file := filepath.Join(dir, "file")
	check(t, os.WriteFile(file, nil, 0o644))
	id := realJail(t, k, "kerrs", dir)
	create := func(params ...kernel.Param) []kernel.Param {
		return append([]kernel.Param{kernel.Bool("persist", true)}, params...)
	}
	for _, c := range []struct {
		what   string
		flags  kernel.SetFlags
		params []kernel.Param
		want   error
		blame  string
		msg    string
	}{
		{"no path", kernel.JailCreate, create(kernel.String("name", "kx")), syscall.EINVAL, "path", ""},
		{"path missing", kernel.JailCreate, create(kernel.String("name", "kx"), kernel.String("path", dir+"/nosuch")), syscall.ENOENT, "path", "no such directory"},
		{"path a file", kernel.JailCreate, create(kernel.String("name", "kx"), kernel.String("path", file)), syscall.ENOTDIR, "path", "not a directory"},
		{"path relative", kernel.JailCreate, create(kernel.String("name", "kx"), kernel.String("path", "etc")), syscall.ENOENT, "path", "not absolute"},
		{"name taken", kernel.JailCreate, create(kernel.String("name", "kerrs"), kernel.String("path", dir)), kernel.ErrExists, "", "already exists"},
		{"name too long", kernel.JailCreate, create(kernel.String("name", strings.Repeat("n", 256)), kernel.String("path", dir)), syscall.ENAMETOOLONG, "name", "at most 255"},
		{"unknown", kernel.JailCreate, create(kernel.String("name", "kx"), kernel.String("path", dir), kernel.Bool("allow.nosuch", true)), syscall.EINVAL, "allow.nosuch", "unknown parameter"},
		{"neither persist nor attach", kernel.JailCreate, []kernel.Param{kernel.String("name", "kx"), kernel.String("path", dir)}, syscall.EINVAL, "persist", "persist or attach"},
		{"not found", kernel.JailUpdate, create(kernel.String("name", "knosuch")), kernel.ErrNotFound, "", "not found"},
		{"path changed", kernel.JailUpdate, []kernel.Param{kernel.ByJID(id.JID), kernel.String("path", "/")}, syscall.EINVAL, "path", "cannot be changed"},
		{"wrong size", kernel.JailUpdate, []kernel.Param{kernel.ByJID(id.JID), kernel.Ulong("securelevel", 1)}, syscall.EINVAL, "securelevel", "takes 4 bytes"},
		{"address twice", kernel.JailCreate, create(kernel.String("name", "kx"), kernel.String("path", dir), kernel.Addrs("ip4.addr", mustAddr("192.0.2.1"), mustAddr("192.0.2.1"))), syscall.EINVAL, "ip4.addr", "twice"},
		{"too much", kernel.JailCreate, create(kernel.String("name", "kx"), kernel.String("path", dir), kernel.String("host.hostname", strings.Repeat("x", 70000))), syscall.EINVAL, "", "65536"},
		{"NUL", kernel.JailCreate, create(kernel.String("name", "k\x00x"), kernel.String("path", dir)), syscall.EINVAL, "name", "NUL"},
	} {
		jid, err := k.JailSet(ctx, c.flags, c.params...)
		var e *kernel.JailError
		if !errors.Is(err, c.want) || !errors.As(err, &e) || e.Param != c.blame || !strings.Contains(e.Msg, c.msg) {
			t.Errorf("%s: %d, %#v", c.what, jid, err)
		}
	}
	_, err := k.JailGet(ctx, 0, kernel.ByName("kerrs"), "nosuch.param")
	var e *kernel.JailError
	if !errors.As(err, &e) || e.Param != "nosuch.param" || e.Errno != syscall.EINVAL {
		t.Errorf("unknown in get: %#v", err)
	}
}

// TestRealManyAddresses reads lists at the kernel's own limit.
func TestRealManyAddresses(t *testing.T) {
	ctx := context.Background()
	k := realKernel(t)
	var four, six []kernel.Param
	var data4, data6 []byte
	for i := range 255 {
		data4 = append(data4, 127, 1, 0, byte(i+1))
		data6 = append(data6, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(i+1))
	}
	four, six = []kernel.Param{{Name: "ip4.addr", Data: data4}}, []kernel.Param{{Name: "ip6.addr", Data: data6}}
	id := realJail(t, k, "kmany", realDir(t), append(four, six...)...)
	p, err := k.JailGet(ctx, 0, kernel.ByJID(id.JID), "ip4.addr", "ip6.addr")
	check(t, err)
	if a, b := p.Addrs("ip4.addr", 4), p.Addrs("ip6.addr", 16); len(a) != 255 || len(b) != 255 {
		t.Errorf("read %d and %d", len(a), len(b))
	}
}
