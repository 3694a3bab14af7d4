package kernel

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func known(name string) (ParamInfo, bool) {
	info, _, ok := findParam(knownParams, name)
	return info, ok
}

func TestFindParam(t *testing.T) {
	list := append(slices.Clone(knownParams), ParamInfo{Name: "meta", Type: ParamString, Size: 4096})
	slices.SortFunc(list, byParamName)
	for _, c := range []struct {
		name string
		typ  ParamType
		size int
		no   bool
	}{
		{"name", ParamString, 256, false},
		{"path", ParamString, 1024, false},
		{"osrelease", ParamString, 32, false},
		{"host.hostuuid", ParamString, 64, false},
		{"jid", ParamInt, 4, false},
		{"host.hostid", ParamUlong, 8, false},
		{"vnet", ParamJailsys, 4, false},
		{"persist", ParamBool, 4, false},
		{"nopersist", ParamBool, 4, true},
		{"allow.mount.nozfs", ParamBool, 4, true},
		{"zfs.mount_snapshot", ParamInt, 4, false},
		{"ip4.addr", ParamAddr4, 4, false},
		{"ip6.addr", ParamAddr6, 16, false},
		{"meta.owner", ParamString, 4096, false},
	} {
		info, no, ok := findParam(list, c.name)
		if !ok || info.Type != c.typ || info.Size != c.size || no != c.no {
			t.Errorf("%s: %+v %v %v", c.name, info, no, ok)
		}
	}
	for _, name := range []string{"nosuch", "no", "noname", "novnet", "meta.", "allow.no", "allow", ""} {
		if info, _, ok := findParam(list, name); ok {
			t.Errorf("%q is known as %+v", name, info)
		}
	}
}

// TestParamInfo reads nodes as sysctl(3) gives them in FreeBSD 13.2 and 15.
func TestParamInfo(t *testing.T) {
	const rdtun, rw = 0x80080000, 0xc0000000
	size := Ulong("", 4096).Data
	for _, c := range []struct {
		node   string
		kind   uint32
		format string
		value  []byte
		want   ParamInfo
	}{
		{"security.jail.param.jid", rdtun | ctlTypeInt, "I", nil, ParamInfo{"jid", ParamInt, 4, false, true}},
		{"security.jail.param.ip4.", rdtun | ctlTypeInt, "E,jailsys", nil, ParamInfo{"ip4", ParamJailsys, 4, false, true}},
		{"security.jail.param.allow.mount.", rw | ctlTypeInt, "B", nil, ParamInfo{"allow.mount", ParamBool, 4, true, true}},
		{"security.jail.param.cpuset.id", 0x80000000 | ctlTypeInt, "I", nil, ParamInfo{"cpuset.id", ParamInt, 4, false, false}},
		{"security.jail.param.host.hostid", rw | ctlTypeUlong, "LU", nil, ParamInfo{"host.hostid", ParamUlong, 8, true, true}},
		{"security.jail.param.name", rw | ctlTypeString, "A", []byte("256\x00"), ParamInfo{"name", ParamString, 256, true, true}},
		{"security.jail.param.meta", rw | ctlTypeString, "A,keyvalue", []byte("4096\x00"), ParamInfo{"meta", ParamString, 4096, true, true}},
		{"security.jail.param.ip4.addr", rw | ctlTypeOpaque, "S,in_addr,a", Ulong("", 4).Data, ParamInfo{"ip4.addr", ParamAddr4, 4, true, true}},
		{"security.jail.param.ip6.addr", rw | ctlTypeOpaque, "S,in6_addr,a", Ulong("", 16).Data, ParamInfo{"ip6.addr", ParamAddr6, 16, true, true}},
		{"security.jail.param.blob", rw | ctlTypeOpaque, "S,blob", size, ParamInfo{"blob", ParamRaw, 4096, true, true}},
	} {
		if got := paramInfo(c.node, c.kind, c.format, c.value); got != c.want {
			t.Errorf("%s: %+v", c.node, got)
		}
	}
}

// TestJailRead checks that each name goes out once, because the kernel fills
// only the last of "foo" and "nofoo" or of a name asked for twice.
func TestJailRead(t *testing.T) {
	r := newJailRead(ByName("a"), []string{"jid", "name", "persist", "nopersist", "jid", "ip4.addr", "nosuch"}, known, 1)
	var names []string
	for _, p := range r.pairs {
		names = append(names, cString(p.name)+":"+itoa(len(p.value)))
	}
	if want := []string{"name:256", "jid:4", "persist:4", "ip4.addr:1024", "nosuch:4"}; !slices.Equal(names, want) {
		t.Fatalf("asked for %q", names)
	}
	// What a kernel would write.
	copy(r.pairs[0].value, "a\x00")
	copy(r.pairs[1].value, Int("", 7).Data)
	copy(r.pairs[2].value, Int("", 1).Data)
	copy(r.pairs[3].value, []byte{192, 0, 2, 1})
	p := r.params([]int{256, 4, 4, 4, 4})
	if p.Int("jid") != 7 || p.String("name") != "a" || !p.Bool("persist") || p.Bool("nopersist") {
		t.Errorf("read %+v", p)
	}
	if a := p.Addrs("ip4.addr", 4); len(a) != 1 || a[0] != netip.MustParseAddr("192.0.2.1") {
		t.Errorf("addresses %v", a)
	}
	if b, ok := p.Raw("nopersist"); !ok || !bytes.Equal(b, Int("", 0).Data) {
		t.Errorf("nopersist is %v", b)
	}
	// Only the other form asked for: the kernel is asked for the plain one.
	r = newJailRead(ByJID(3), []string{"nopersist"}, known, 4)
	if len(r.pairs) != 2 || cString(r.pairs[1].name) != "persist" {
		t.Errorf("asked for %q", dump(r.pairs))
	}
	if r = newJailRead(ByJID(3), []string{"ip6.addr", "path", "jid"}, known, 4); len(r.pairs[1].value) != 4*256*16 || len(r.pairs[2].value) != 4096 || len(r.pairs) != 3 {
		t.Errorf("buffers grew to %d and %d", len(r.pairs[1].value), len(r.pairs[2].value))
	}
}

// TestExplainSet gives words for what the kernel refused silently; the cases
// are those recorded without errmsg.
func TestExplainSet(t *testing.T) {
	for _, c := range []struct {
		errno syscall.Errno
		param Param
		blame string
	}{
		{syscall.ENOENT, String("path", "/nonexistent"), "path"},
		{syscall.ENOTDIR, String("path", "/etc/passwd"), "path"},
		{syscall.ENAMETOOLONG, String("path", strings.Repeat("p", 1024)), "path"},
		{syscall.ENAMETOOLONG, String("name", strings.Repeat("n", 256)), "name"},
		{syscall.ENAMETOOLONG, String("host.hostuuid", strings.Repeat("x", 64)), "host.hostuuid"},
		{syscall.EINVAL, Int("host.hostid", 5), "host.hostid"},
		{syscall.EINVAL, Ulong("securelevel", 2), "securelevel"},
		{syscall.EINVAL, Bool("vnet", true), "vnet"},
		{syscall.EINVAL, Jailsys("vnet", JailSysDisable), "vnet"},
		{syscall.EINVAL, Jailsys("host", JailSysDisable), "host"},
		{syscall.EINVAL, Jailsys("sysvshm", 3), "sysvshm"},
		{syscall.EINVAL, String("sysvshm", "new"), ""}, // 4 bytes, like an int of a large value
		{syscall.EINVAL, Int("enforce_statfs", 3), "enforce_statfs"},
		{syscall.EINVAL, Int("enforce_statfs", -1), "enforce_statfs"},
		{syscall.EINVAL, Int("devfs_ruleset", 70000), "devfs_ruleset"},
		{syscall.EINVAL, Bool("zfs.mount_snapshot", true), "zfs.mount_snapshot"},
		{syscall.EINVAL, Addrs("ip4.addr", netip.MustParseAddr("0.0.0.0")), "ip4.addr"},
		{syscall.EINVAL, Addrs("ip4.addr", netip.MustParseAddr("255.255.255.255")), "ip4.addr"},
		{syscall.EINVAL, Addrs("ip4.addr", netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.1")), "ip4.addr"},
		{syscall.EINVAL, Param{"ip4.addr", []byte{1, 2, 3}}, "ip4.addr"},
		{syscall.EINVAL, Addrs("ip6.addr", netip.MustParseAddr("::")), "ip6.addr"},
		{syscall.EPERM, Addrs("ip4.addr", netip.MustParseAddr("192.0.2.1")), "ip4.addr"},
	} {
		param, msg := explainSet(c.errno, setFacts{flags: JailCreate, params: []Param{Bool("persist", true), c.param}, find: known, root: true})
		if c.blame == "" {
			c.blame = c.param.Name
		}
		if param != c.blame || msg == "" {
			t.Errorf("%v for %s: blames %q: %q", c.errno, c.param.Name, param, msg)
		}
	}
	if _, msg := explainSet(syscall.EPERM, setFacts{params: []Param{String("name", "a")}, find: known}); !strings.Contains(msg, "root") {
		t.Errorf("not root: %q", msg)
	}
	if _, msg := explainSet(syscall.EPERM, setFacts{params: []Param{String("name", "a.b.c")}, find: known, root: true}); !strings.HasSuffix(msg, "a.b") {
		t.Errorf("child: %q", msg)
	}
}

func TestCheckSetValues(t *testing.T) {
	for _, c := range []struct {
		param Param
		errno syscall.Errno
	}{
		{Param{"path", []byte("/etc")}, syscall.EINVAL},
		{Param{"name", []byte("a\x00b\x00")}, syscall.EINVAL},
		{String("path", "etc"), syscall.ENOENT},
		{String("path", "/etc"), 0},
		{Param{"securelevel", []byte{0, 1, 0, 0}}, 0},
		{String("nosuch", "x\x00y"), 0}, // not known to be text
	} {
		err := checkSetValues(JailCreate, []Param{c.param}, known)
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
		if got := blamed(msg); got != want {
			t.Errorf("%q blames %q", msg, got)
		}
	}
}

func TestSameLife(t *testing.T) {
	id := Identity{JID: 3, Name: "a", Incarnation: 5}
	for _, c := range []struct {
		now  Identity
		with bool
		want bool
	}{
		{Identity{3, "a", 5}, true, true},
		{Identity{3, "renamed", 5}, true, false},
		{Identity{3, "a", 6}, true, false},
		{Identity{4, "a", 5}, true, false},
		{Identity{3, "a", 9}, false, true},
		{Identity{3, "b", 9}, false, false},
	} {
		have := id
		if !c.with {
			have.Incarnation = 0
		}
		if got := have.sameLife(c.now); got != c.want {
			t.Errorf("%+v and %+v: %v", have, c.now, got)
		}
	}
}
