package jailparam

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
)

func known(name string) (kernel.ParamInfo, bool) {
	info, _, ok := Find(Known, name)
	return info, ok
}

func TestFindParam(t *testing.T) {
	list := append(slices.Clone(Known), kernel.ParamInfo{Name: "meta", Type: kernel.ParamString, Size: 4096})
	slices.SortFunc(list, ByName)
	for _, c := range []struct {
		name string
		typ  kernel.ParamType
		size int
		no   bool
	}{
		{"name", kernel.ParamString, 256, false},
		{"path", kernel.ParamString, 1024, false},
		{"osrelease", kernel.ParamString, 32, false},
		{"host.hostuuid", kernel.ParamString, 64, false},
		{"jid", kernel.ParamInt, 4, false},
		{"host.hostid", kernel.ParamUlong, 8, false},
		{"vnet", kernel.ParamJailsys, 4, false},
		{"persist", kernel.ParamBool, 4, false},
		{"nopersist", kernel.ParamBool, 4, true},
		{"allow.mount.nozfs", kernel.ParamBool, 4, true},
		{"zfs.mount_snapshot", kernel.ParamInt, 4, false},
		{"ip4.addr", kernel.ParamAddr4, 4, false},
		{"ip6.addr", kernel.ParamAddr6, 16, false},
		{"meta.owner", kernel.ParamString, 4096, false},
	} {
		info, no, ok := Find(list, c.name)
		if !ok || info.Type != c.typ || info.Size != c.size || no != c.no {
			t.Errorf("%s: %+v %v %v", c.name, info, no, ok)
		}
	}
	for _, name := range []string{"nosuch", "no", "noname", "novnet", "meta.", "allow.no", "allow", ""} {
		if info, _, ok := Find(list, name); ok {
			t.Errorf("%q is known as %+v", name, info)
		}
	}
}

// TestParamInfo reads nodes as sysctl(3) gives them in FreeBSD 13.2 and 15.
func TestParamInfo(t *testing.T) {
	const rdtun, rw = 0x80080000, 0xc0000000
	size := kernel.Ulong("", 4096).Data
	for _, c := range []struct {
		node   string
		kind   uint32
		format string
		value  []byte
		want   kernel.ParamInfo
	}{
		{"security.jail.param.jid", rdtun | CtlTypeInt, "I", nil, kernel.ParamInfo{Name: "jid", Type: kernel.ParamInt, Size: 4, Writable: false, Settable: true}},
		{"security.jail.param.ip4.", rdtun | CtlTypeInt, "E,jailsys", nil, kernel.ParamInfo{Name: "ip4", Type: kernel.ParamJailsys, Size: 4, Writable: false, Settable: true}},
		{"security.jail.param.allow.mount.", rw | CtlTypeInt, "B", nil, kernel.ParamInfo{Name: "allow.mount", Type: kernel.ParamBool, Size: 4, Writable: true, Settable: true}},
		{"security.jail.param.cpuset.id", 0x80000000 | CtlTypeInt, "I", nil, kernel.ParamInfo{Name: "cpuset.id", Type: kernel.ParamInt, Size: 4, Writable: false, Settable: false}},
		{"security.jail.param.host.hostid", rw | CtlTypeUlong, "LU", nil, kernel.ParamInfo{Name: "host.hostid", Type: kernel.ParamUlong, Size: 8, Writable: true, Settable: true}},
		{"security.jail.param.name", rw | CtlTypeString, "A", []byte("256\x00"), kernel.ParamInfo{Name: "name", Type: kernel.ParamString, Size: 256, Writable: true, Settable: true}},
		{"security.jail.param.meta", rw | CtlTypeString, "A,keyvalue", []byte("4096\x00"), kernel.ParamInfo{Name: "meta", Type: kernel.ParamString, Size: 4096, Writable: true, Settable: true}},
		{"security.jail.param.ip4.addr", rw | ctlTypeOpaque, "S,in_addr,a", kernel.Ulong("", 4).Data, kernel.ParamInfo{Name: "ip4.addr", Type: kernel.ParamAddr4, Size: 4, Writable: true, Settable: true}},
		{"security.jail.param.ip6.addr", rw | ctlTypeOpaque, "S,in6_addr,a", kernel.Ulong("", 16).Data, kernel.ParamInfo{Name: "ip6.addr", Type: kernel.ParamAddr6, Size: 16, Writable: true, Settable: true}},
		{"security.jail.param.blob", rw | ctlTypeOpaque, "S,blob", size, kernel.ParamInfo{Name: "blob", Type: kernel.ParamRaw, Size: 4096, Writable: true, Settable: true}},
	} {
		if got := Describe(c.node, c.kind, c.format, c.value); got != c.want {
			t.Errorf("%s: %+v", c.node, got)
		}
	}
}

// TestJailRead checks that each name goes out once, because the kernel fills
// only the last of "foo" and "nofoo" or of a name asked for twice.
func TestJailRead(t *testing.T) {
	r := NewRead(kernel.ByName("a"), []string{"jid", "name", "persist", "nopersist", "jid", "ip4.addr", "nosuch"}, known, 1)
	var names []string
	for _, p := range r.Pairs {
		names = append(names, abi.CString(p.Name)+":"+strconv.Itoa(len(p.Value)))
	}
	if want := []string{"name:256", "jid:4", "persist:4", "ip4.addr:1024", "nosuch:4"}; !slices.Equal(names, want) {
		t.Fatalf("asked for %q", names)
	}
	// What a kernel would write.
	copy(r.Pairs[0].Value, "a\x00")
	copy(r.Pairs[1].Value, kernel.Int("", 7).Data)
	copy(r.Pairs[2].Value, kernel.Int("", 1).Data)
	copy(r.Pairs[3].Value, []byte{192, 0, 2, 1})
	p := r.Params([]int{256, 4, 4, 4, 4})
	if p.Int("jid") != 7 || p.String("name") != "a" || !p.Bool("persist") || p.Bool("nopersist") {
		t.Errorf("read %+v", p)
	}
	if a := p.Addrs("ip4.addr", 4); len(a) != 1 || a[0] != netip.MustParseAddr("192.0.2.1") {
		t.Errorf("addresses %v", a)
	}
	if b, ok := p.Raw("nopersist"); !ok || !bytes.Equal(b, kernel.Int("", 0).Data) {
		t.Errorf("nopersist is %v", b)
	}
	// Only the other form asked for: the kernel is asked for the plain one.
	r = NewRead(kernel.ByJID(3), []string{"nopersist"}, known, 4)
	if len(r.Pairs) != 2 || abi.CString(r.Pairs[1].Name) != "persist" {
		t.Errorf("asked for %q", r.Pairs)
	}
	if r = NewRead(kernel.ByJID(3), []string{"ip6.addr", "path", "jid"}, known, 4); len(r.Pairs[1].Value) != 4*256*16 || len(r.Pairs[2].Value) != 4096 || len(r.Pairs) != 3 {
		t.Errorf("buffers grew to %d and %d", len(r.Pairs[1].Value), len(r.Pairs[2].Value))
	}
}

// TestExplainSet gives words for what the kernel refused silently; the cases
// are those recorded without errmsg.
func TestExplainSet(t *testing.T) {
	for _, c := range []struct {
		errno syscall.Errno
		param kernel.Param
		blame string
	}{
		{syscall.ENOENT, kernel.String("path", "/nonexistent"), "path"},
		{syscall.ENOTDIR, kernel.String("path", "/etc/passwd"), "path"},
		{syscall.ENAMETOOLONG, kernel.String("path", strings.Repeat("p", 1024)), "path"},
		{syscall.ENAMETOOLONG, kernel.String("name", strings.Repeat("n", 256)), "name"},
		{syscall.ENAMETOOLONG, kernel.String("host.hostuuid", strings.Repeat("x", 64)), "host.hostuuid"},
		{syscall.EINVAL, kernel.Int("host.hostid", 5), "host.hostid"},
		{syscall.EINVAL, kernel.Ulong("securelevel", 2), "securelevel"},
		{syscall.EINVAL, kernel.Bool("vnet", true), "vnet"},
		{syscall.EINVAL, kernel.Jailsys("vnet", kernel.JailSysDisable), "vnet"},
		{syscall.EINVAL, kernel.Jailsys("host", kernel.JailSysDisable), "host"},
		{syscall.EINVAL, kernel.Jailsys("sysvshm", 3), "sysvshm"},
		{syscall.EINVAL, kernel.String("sysvshm", "new"), ""}, // 4 bytes, like an int of a large value
		{syscall.EINVAL, kernel.Int("enforce_statfs", 3), "enforce_statfs"},
		{syscall.EINVAL, kernel.Int("enforce_statfs", -1), "enforce_statfs"},
		{syscall.EINVAL, kernel.Int("devfs_ruleset", 70000), "devfs_ruleset"},
		{syscall.EINVAL, kernel.Bool("zfs.mount_snapshot", true), "zfs.mount_snapshot"},
		{syscall.EINVAL, kernel.Addrs("ip4.addr", netip.MustParseAddr("0.0.0.0")), "ip4.addr"},
		{syscall.EINVAL, kernel.Addrs("ip4.addr", netip.MustParseAddr("255.255.255.255")), "ip4.addr"},
		{syscall.EINVAL, kernel.Addrs("ip4.addr", netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.1")), "ip4.addr"},
		{syscall.EINVAL, kernel.Param{Name: "ip4.addr", Data: []byte{1, 2, 3}}, "ip4.addr"},
		{syscall.EINVAL, kernel.Addrs("ip6.addr", netip.MustParseAddr("::")), "ip6.addr"},
		{syscall.EPERM, kernel.Addrs("ip4.addr", netip.MustParseAddr("192.0.2.1")), "ip4.addr"},
	} {
		param, msg := Explain(c.errno, Facts{Flags: kernel.JailCreate, Params: []kernel.Param{kernel.Bool("persist", true), c.param}, Find: known, Root: true})
		if c.blame == "" {
			c.blame = c.param.Name
		}
		if param != c.blame || msg == "" {
			t.Errorf("%v for %s: blames %q: %q", c.errno, c.param.Name, param, msg)
		}
	}
	if _, msg := Explain(syscall.EPERM, Facts{Params: []kernel.Param{kernel.String("name", "a")}, Find: known}); !strings.Contains(msg, "root") {
		t.Errorf("not Root: %q", msg)
	}
	if _, msg := Explain(syscall.EPERM, Facts{Params: []kernel.Param{kernel.String("name", "a.b.c")}, Find: known, Root: true}); !strings.HasSuffix(msg, "a.b") {
		t.Errorf("child: %q", msg)
	}
}

func TestCheckSetValues(t *testing.T) {
	for _, c := range []struct {
		param kernel.Param
		errno syscall.Errno
	}{
		{kernel.Param{Name: "path", Data: []byte("/etc")}, syscall.EINVAL},
		{kernel.Param{Name: "name", Data: []byte("a\x00b\x00")}, syscall.EINVAL},
		{kernel.String("path", "etc"), syscall.ENOENT},
		{kernel.String("path", "/etc"), 0},
		{kernel.Param{Name: "securelevel", Data: []byte{0, 1, 0, 0}}, 0},
		{kernel.String("nosuch", "x\x00y"), 0}, // not known to be text
	} {
		err := CheckValues(kernel.JailCreate, []kernel.Param{c.param}, known)
		if (err == nil) != (c.errno == 0) || err != nil && err.Errno != c.errno {
			t.Errorf("%s %q: %v", c.param.Name, c.param.Data, err)
		}
	}
}

func TestBlamed(t *testing.T) {
	for msg, want := range map[string]string{
		"unknown parameter: allow.nosuch":                "allow.nosuch",
		"vnet cannot be changed after creation":          "vnet",
		"IPv4 addresses clash":                           "ip4.addr",
		"osrelease string must be 1-31 bytes long":       "osrelease",
		"new jail must persist or attach":                "persist",
		"name cannot be numeric (unless it is the jid)":  "name",
		"jail 1 already exists":                          "",
		"vnet jails cannot have IP address restrictions": "",
		"no valid operation (create or update)":          "",
	} {
		if got := Blamed(msg); got != want {
			t.Errorf("%q blames %q", msg, got)
		}
	}
}
