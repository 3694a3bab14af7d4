package kerneltest

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

var jailCases = []testCase{
	{name: "defaults", run: jailDefaults},
	{name: "refused creation", run: jailRefusals},
	{name: "names", run: jailNames},
	{name: "unknown parameter", run: jailUnknown},
	{name: "update", run: jailUpdate},
	{name: "what cannot be changed", run: jailImmutable},
	{name: "booleans go by presence", run: jailBooleans},
	{name: "host", run: jailHost},
	{name: "addresses", run: jailAddresses},
	{name: "nested", run: jailNested},
	{name: "inherited limits", run: jailLimits},
	{name: "list in order of jid", run: jailList},
	{name: "identity", run: jailIdentity},
	{name: "remove what does not exist", run: jailRemoveMissing},
	{name: "not persistent and empty ends", run: jailVanishes},
	{name: "parameters", run: jailParams},
	{name: "owned", run: jailOwned},
	{name: "events", run: jailEvents},
	{name: "events end with the context", run: jailEventsEnd},
	{name: "vnet", need: needVIMAGE, run: jailVnet},
}

// get reads parameters of an existing jail.
func (s *suite) get(name string, want ...string) kernel.Params {
	s.Helper()
	p, err := s.Kernel.JailGet(s.ctx, 0, kernel.ByName(name), want...)
	s.ok(err)
	return p
}

func (s *suite) set(name string, params ...kernel.Param) error {
	_, err := s.Kernel.JailSet(s.ctx, kernel.JailUpdate, append([]kernel.Param{kernel.String("name", name)}, params...)...)
	return err
}

func jailDefaults(s *suite) {
	id := s.jail("kerneltest")
	ints := map[string]int{
		"jid": id.JID, "parent": 0, "dying": 0, "persist": 1, "securelevel": -1, "enforce_statfs": 2,
		"devfs_ruleset": 0, "children.cur": 0, "children.max": 0, "host": int(kernel.JailSysNew),
		"ip4": int(kernel.JailSysDisable), "ip6": int(kernel.JailSysDisable), "ip4.saddrsel": 1, "ip6.saddrsel": 1,
		"allow.set_hostname": 1, "allow.reserved_ports": 1, "allow.unprivileged_proc_debug": 1, "allow.suser": 1,
		"allow.sysvipc": 0, "allow.raw_sockets": 0, "allow.chflags": 0, "allow.mount": 0, "allow.quotas": 0,
		"allow.socket_af": 0, "allow.mlock": 0, "allow.read_msgbuf": 0, "osreldate": s.f.OSRelDate,
	}
	for name, want := range ints {
		equal(s, name, s.get("kerneltest", name).Int(name), want)
	}
	p := s.get("kerneltest", "path", "host.hostname", "host.hostuuid", "host.hostid", "osrelease", "ip4.addr", "ip6.addr", "cpuset.id")
	equal(s, "path", p.String("path"), s.Dir+"/root")
	equal(s, "host.hostname", p.String("host.hostname"), "")
	equal(s, "host.hostuuid", p.String("host.hostuuid"), "00000000-0000-0000-0000-000000000000")
	equal(s, "host.hostid", p.Ulong("host.hostid"), 0)
	equal(s, "osrelease", p.String("osrelease"), s.f.OSRelease)
	equal(s, "ip4.addr", len(p.Addrs("ip4.addr", 4)), 0)
	equal(s, "ip6.addr", len(p.Addrs("ip6.addr", 16)), 0)
	equal(s, "incarnation", id.Incarnation, uint64(p.Int("cpuset.id")))
}

func jailRefusals(s *suite) {
	root := s.mkdir("root")
	file := s.file("file", "")
	s.jail("kerneltest")
	name, path, persist := kernel.String("name", "kerneltest2"), kernel.String("path", root), kernel.Bool("persist", true)
	addrs := func(a ...string) kernel.Param {
		var list []netip.Addr
		for _, x := range a {
			list = append(list, netip.MustParseAddr(x))
		}
		return kernel.Addrs("ip4.addr", list...)
	}
	for what, c := range map[string]struct {
		params []kernel.Param
		errno  syscall.Errno
		msg    string
	}{
		"no path":            {[]kernel.Param{name, persist}, syscall.EINVAL, ""},
		"name taken":         {[]kernel.Param{kernel.String("name", "kerneltest"), path, persist}, syscall.EEXIST, `jail "kerneltest" already exists`},
		"not persistent":     {[]kernel.Param{name, path}, syscall.EINVAL, "new jail must persist or attach"},
		"negative jid":       {[]kernel.Param{kernel.Int("jid", -1), name, path, persist}, syscall.EINVAL, "negative jid"},
		"numeric name":       {[]kernel.Param{kernel.Int("jid", 2000077), kernel.String("name", "123"), path, persist}, syscall.EINVAL, "name cannot be numeric (unless it is the jid)"},
		"parent missing":     {[]kernel.Param{kernel.String("name", "kerneltestnope.b"), path, persist}, syscall.ENOENT, `jail "kerneltestnope" not found`},
		"long name":          {[]kernel.Param{kernel.String("name", strings.Repeat("n", 256)), path, persist}, syscall.ENAMETOOLONG, ""},
		"path missing":       {[]kernel.Param{name, kernel.String("path", root+"/none"), persist}, syscall.ENOENT, ""},
		"path is a file":     {[]kernel.Param{name, kernel.String("path", file), persist}, syscall.ENOTDIR, ""},
		"path empty":         {[]kernel.Param{name, kernel.String("path", ""), persist}, syscall.ENOENT, ""},
		"path without NUL":   {[]kernel.Param{name, {Name: "path", Data: []byte("/etc")}, persist}, syscall.EINVAL, ""},
		"path too long":      {[]kernel.Param{name, kernel.String("path", "/"+strings.Repeat("p", 1023)), persist}, syscall.ENAMETOOLONG, ""},
		"osrelease of 31":    {[]kernel.Param{name, path, persist, kernel.String("osrelease", strings.Repeat("x", 31))}, syscall.ENAMETOOLONG, "osrelease string must be 1-31 bytes long"},
		"osreldate 0":        {[]kernel.Param{name, path, persist, kernel.Int("osreldate", 0)}, syscall.EINVAL, "osreldate cannot be 0"},
		"int of 8 bytes":     {[]kernel.Param{name, path, persist, kernel.Ulong("securelevel", 2)}, syscall.EINVAL, ""},
		"enforce_statfs 3":   {[]kernel.Param{name, path, persist, kernel.Int("enforce_statfs", 3)}, syscall.EINVAL, ""},
		"devfs_ruleset":      {[]kernel.Param{name, path, persist, kernel.Int("devfs_ruleset", 70000)}, syscall.EINVAL, ""},
		"0.0.0.0":            {[]kernel.Param{name, path, persist, addrs("0.0.0.0")}, syscall.EINVAL, ""},
		"255.255.255.255":    {[]kernel.Param{name, path, persist, addrs("255.255.255.255")}, syscall.EINVAL, ""},
		"an address twice":   {[]kernel.Param{name, path, persist, addrs("192.0.2.40", "192.0.2.40")}, syscall.EINVAL, ""},
		"three bytes":        {[]kernel.Param{name, path, persist, {Name: "ip4.addr", Data: []byte{1, 2, 3}}}, syscall.EINVAL, ""},
		"64 KiB":             {[]kernel.Param{name, path, persist, kernel.String("host.hostname", strings.Repeat("x", 70000))}, syscall.EINVAL, ""},
		"unknown permission": {[]kernel.Param{name, path, persist, kernel.Bool("allow.nosuch", true)}, syscall.EINVAL, "unknown parameter: allow.nosuch"},
	} {
		jid, err := s.Kernel.JailSet(s.ctx, kernel.JailCreate, c.params...)
		if err == nil {
			s.Errorf("%s: jail %d was made", what, jid)
			id, _ := s.Kernel.JailIdentify(s.ctx, 0, kernel.ByJID(jid))
			s.ok(s.Kernel.JailRemove(s.ctx, id))
			continue
		}
		s.refuses(err, c.errno, c.msg)
	}
	_, err := s.Kernel.JailSet(s.ctx, 0, kernel.String("name", "kerneltest"), persist)
	s.refuses(err, syscall.EINVAL, "no valid operation (create or update)")
	_, err = s.Kernel.JailSet(s.ctx, kernel.JailCreate, kernel.String("name", "kerneltest"), path, persist)
	s.fails(err, kernel.ErrExists)
}

func jailNames(s *suite) {
	root := kernel.String("path", s.mkdir("root"))
	for _, name := range []string{"kerneltest a b", "kerneltest/b", "kerneltest=b", "kerneltest:b", "kerneltest-_b"} {
		id := s.jail(name, root)
		equal(s, "name", s.get(name, "name").String("name"), name)
		equal(s, "identity", id.Name, name)
	}
	jid, err := s.Kernel.JailSet(s.ctx, kernel.JailCreate, root, kernel.Bool("persist", true))
	s.ok(err)
	id, err := s.Kernel.JailIdentify(s.ctx, 0, kernel.ByJID(jid))
	s.ok(err)
	s.ok(s.Kernel.JailRemove(s.ctx, id))
	equal(s, "name of a nameless jail", id.Name, strconv.Itoa(jid))
}

func jailUnknown(s *suite) {
	s.jail("kerneltest")
	_, err := s.Kernel.JailGet(s.ctx, 0, kernel.ByName("kerneltest"), "nosuch.param")
	s.refuses(err, syscall.EINVAL, "unknown parameter: nosuch.param")
	refused := s.set("kerneltest", kernel.Bool("allow.mount.otherfs", true))
	s.refuses(refused, syscall.EINVAL, "unknown parameter: allow.mount.otherfs")
	equal(s, "remedy", s.f.Remedy(refused), "allow.mount.otherfs needs the file system's kernel module: kldload otherfs")
	_, err = s.Kernel.JailGet(s.ctx, 0, kernel.ByName("kerneltestnope"), "jid")
	s.refuses(err, syscall.ENOENT, `jail "kerneltestnope" not found`)
	s.fails(err, kernel.ErrNotFound)
	_, err = s.Kernel.JailGet(s.ctx, 0, kernel.ByJID(900004), "jid")
	s.refuses(err, syscall.ENOENT, "jail 900004 not found")
	_, err = s.Kernel.JailGet(s.ctx, 0, kernel.ByLastJID(99999999), "jid")
	s.refuses(err, syscall.ENOENT, "no jail after 99999999")
	_, err = s.Kernel.JailGet(s.ctx, kernel.GetFlags(kernel.JailCreate), kernel.ByName("kerneltest"), "jid")
	s.refuses(err, syscall.EINVAL, "")
}

func jailUpdate(s *suite) {
	id := s.jail("kerneltest")
	s.ok(s.set("kerneltest", kernel.Int("securelevel", 2), kernel.Int("children.max", 5), kernel.Int("devfs_ruleset", 4), kernel.Int("enforce_statfs", 1)))
	p := s.get("kerneltest", "securelevel", "children.max", "devfs_ruleset", "enforce_statfs")
	equal(s, "values", []int{p.Int("securelevel"), p.Int("children.max"), p.Int("devfs_ruleset"), p.Int("enforce_statfs")}[0], 2)
	equal(s, "children.max", p.Int("children.max"), 5)
	equal(s, "devfs_ruleset", p.Int("devfs_ruleset"), 4)
	equal(s, "enforce_statfs", p.Int("enforce_statfs"), 1)
	s.ok(s.set("kerneltest", kernel.Int("securelevel", 0)))
	equal(s, "securelevel lowered from the host", s.get("kerneltest", "securelevel").Int("securelevel"), 0)
	s.refuses(s.set("kerneltestnope", kernel.Bool("persist", true)), syscall.ENOENT, `jail "kerneltestnope" not found`)
	_, err := s.Kernel.JailSet(s.ctx, kernel.JailUpdate, kernel.Bool("persist", true))
	s.refuses(err, syscall.ENOENT, "update specified no jail")
	_, err = s.Kernel.JailSet(s.ctx, kernel.JailUpdate, kernel.ByJID(id.JID), kernel.String("name", "kerneltest2"))
	s.ok(err)
	equal(s, "renamed", s.get("kerneltest2", "jid").Int("jid"), id.JID)
	_, err = s.Kernel.JailSet(s.ctx, kernel.JailUpdate, kernel.ByJID(id.JID), kernel.String("name", "kerneltest"))
	s.ok(err)
}

func jailImmutable(s *suite) {
	s.jail("kerneltest")
	for name, p := range map[string]kernel.Param{
		"path": kernel.String("path", s.Dir), "ip4": kernel.Jailsys("ip4", kernel.JailSysNew), "ip6": kernel.Jailsys("ip6", kernel.JailSysInherit),
		"osrelease": kernel.String("osrelease", "12.4-RELEASE"), "osreldate": kernel.Int("osreldate", 1204000),
	} {
		s.refuses(s.set("kerneltest", p), syscall.EINVAL, name+" cannot be changed after creation")
	}
	if s.f.VIMAGE {
		s.refuses(s.set("kerneltest", kernel.Jailsys("vnet", kernel.JailSysNew)), syscall.EINVAL, "vnet cannot be changed after creation")
	}
	_, err := s.Kernel.JailSet(s.ctx, kernel.JailCreate|kernel.JailUpdate, kernel.String("name", "kerneltest2"), kernel.String("path", s.Dir), kernel.Bool("persist", true))
	s.refuses(err, syscall.EINVAL, "path cannot be changed after creation")
}

func jailBooleans(s *suite) {
	s.jail("kerneltest", kernel.Bool("allow.raw_sockets", true), kernel.Bool("allow.set_hostname", false))
	p := s.get("kerneltest", "allow.raw_sockets", "allow.set_hostname")
	equal(s, "set", p.Bool("allow.raw_sockets"), true)
	equal(s, "cleared", p.Bool("allow.set_hostname"), false)
	s.ok(s.set("kerneltest", kernel.Bool("allow.raw_sockets", false)))
	equal(s, "cleared later", s.get("kerneltest", "allow.noraw_sockets").Bool("allow.noraw_sockets"), true)
	s.ok(s.set("kerneltest", kernel.Int("allow.chflags", 0)))
	equal(s, "a value counts as presence", s.get("kerneltest", "allow.chflags").Bool("allow.chflags"), true)
	s.ok(s.set("kerneltest", kernel.Bool("allow.chflags", true), kernel.Bool("allow.chflags", false)))
	equal(s, "the last one counts", s.get("kerneltest", "allow.chflags").Bool("allow.chflags"), false)
}

func jailHost(s *suite) {
	s.jail("kerneltest", kernel.String("host.hostname", "h.example"), kernel.String("host.domainname", "d"), kernel.Ulong("host.hostid", 1<<40))
	p := s.get("kerneltest", "host.hostname", "host.domainname", "host.hostid")
	equal(s, "hostname", p.String("host.hostname"), "h.example")
	equal(s, "domainname", p.String("host.domainname"), "d")
	equal(s, "hostid", p.Ulong("host.hostid"), 1<<40)
	s.refuses(s.set("kerneltest", kernel.String("host.hostname", strings.Repeat("x", 256))), syscall.ENAMETOOLONG, "")
	s.refuses(s.set("kerneltest", kernel.String("host.hostuuid", strings.Repeat("x", 64))), syscall.ENAMETOOLONG, "")
	s.refuses(s.set("kerneltest", kernel.Int("host.hostid", 5)), syscall.EINVAL, "")
	s.refuses(s.set("kerneltest", kernel.Jailsys("host", kernel.JailSysDisable)), syscall.EINVAL, "")
	s.ok(s.set("kerneltest", kernel.Jailsys("host", kernel.JailSysInherit)))
	name, err := s.Kernel.SysctlString(s.ctx, "kern.hostname")
	s.ok(err)
	equal(s, "inherited hostname", s.get("kerneltest", "host.hostname").String("host.hostname"), name)
}

func jailList(s *suite) {
	want := []string{"kerneltest1", "kerneltest2", "kerneltest3"}
	for _, name := range want {
		s.jail(name)
	}
	var got []string
	last := 0
	for p, err := range s.Kernel.JailList(s.ctx, 0, "host.hostname", "name") {
		s.ok(err)
		if p.Int("jid") <= last {
			s.Fatalf("jid %d after %d", p.Int("jid"), last)
		}
		last = p.Int("jid")
		if _, ok := p.Raw("host.hostname"); !ok {
			s.Fatal("host.hostname was not read")
		}
		if strings.HasPrefix(p.String("name"), "kerneltest") {
			got = append(got, p.String("name"))
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		s.Fatalf("got %q, want %q", got, want)
	}
	n := 0
	for _, err := range s.Kernel.JailList(s.ctx, 0) {
		if err != nil {
			s.Fatal(err)
		}
		n++
		break
	}
	equal(s, "stopped after", n, 1)
	for _, err := range s.Kernel.JailList(s.ctx, 0, "nosuch") {
		s.refuses(err, syscall.EINVAL, "unknown parameter: nosuch")
	}
}

func jailIdentity(s *suite) {
	id := s.jail("kerneltest")
	again, err := s.Kernel.JailIdentify(s.ctx, 0, kernel.ByJID(id.JID))
	s.ok(err)
	equal(s, "by jid", again, id)
	s.ok(s.Kernel.JailRemove(s.ctx, id))
	s.eventually("the jid is free", func() string {
		if _, err := s.Kernel.JailIdentify(s.ctx, kernel.JailDying, kernel.ByJID(id.JID)); err == nil {
			return "jail " + strconv.Itoa(id.JID) + " is still there"
		}
		return ""
	})
	other := s.jail("kerneltest2", kernel.Int("jid", id.JID))
	equal(s, "jid", other.JID, id.JID)
	s.fails(s.Kernel.JailRemove(s.ctx, id), kernel.ErrStale)
	_, err = s.Kernel.JailIdentify(s.ctx, 0, kernel.ByJID(other.JID))
	s.ok(err)
}

func jailRemoveMissing(s *suite) {
	for _, jid := range []int{900005, 0, -1} {
		err := s.Kernel.JailRemove(s.ctx, kernel.Identity{JID: jid, Name: "kerneltestnope"})
		s.fails(err, kernel.ErrNotFound, syscall.EINVAL)
	}
}

func jailVanishes(s *suite) {
	s.jail("kerneltest")
	s.ok(s.set("kerneltest", kernel.Bool("persist", false)))
	_, err := s.Kernel.JailGet(s.ctx, 0, kernel.ByName("kerneltest"), "jid")
	s.fails(err, kernel.ErrNotFound)
}

func jailParams(s *suite) {
	infos, err := s.Kernel.JailParams(s.ctx)
	s.ok(err)
	have := map[string]kernel.ParamInfo{}
	for _, i := range infos {
		have[i.Name] = i
	}
	for name, want := range map[string]kernel.ParamInfo{
		"jid":               {Type: kernel.ParamInt, Settable: true},
		"name":              {Type: kernel.ParamString, Writable: true, Settable: true},
		"path":              {Type: kernel.ParamString, Settable: true},
		"persist":           {Type: kernel.ParamBool, Writable: true, Settable: true},
		"dying":             {Type: kernel.ParamBool},
		"host.hostid":       {Type: kernel.ParamUlong, Writable: true, Settable: true},
		"ip4":               {Type: kernel.ParamJailsys, Settable: true},
		"ip4.addr":          {Type: kernel.ParamAddr4, Writable: true, Settable: true},
		"ip6.addr":          {Type: kernel.ParamAddr6, Writable: true, Settable: true},
		"allow.raw_sockets": {Type: kernel.ParamBool, Writable: true, Settable: true},
		"allow.mount":       {Type: kernel.ParamBool, Writable: true, Settable: true},
		"cpuset.id":         {Type: kernel.ParamInt},
	} {
		got, ok := have[name]
		if !ok {
			s.Errorf("%s is missing", name)
			continue
		}
		if got.Type != want.Type || got.Writable != want.Writable || got.Settable != want.Settable {
			s.Errorf("%s is %+v", name, got)
		}
	}
	if _, ok := have["vnet"]; ok != s.f.VIMAGE {
		s.Errorf("vnet exists: %v", ok)
	}
}

func jailVnet(s *suite) {
	s.jail("kerneltest", kernel.Jailsys("vnet", kernel.JailSysNew))
	equal(s, "vnet", kernel.JailSys(s.get("kerneltest", "vnet").Int("vnet")), kernel.JailSysNew)
	create := func(params ...kernel.Param) error {
		params = append(params, kernel.String("name", "kerneltest2"), kernel.String("path", s.Dir), kernel.Bool("persist", true))
		_, err := s.Kernel.JailSet(context.Background(), kernel.JailCreate, params...)
		return err
	}
	const words = "vnet jails cannot have IP address restrictions"
	s.refuses(create(kernel.Jailsys("vnet", kernel.JailSysNew), kernel.Jailsys("ip4", kernel.JailSysInherit)), syscall.EINVAL, words)
	s.refuses(create(kernel.Jailsys("vnet", kernel.JailSysNew), kernel.Addrs("ip4.addr", netip.MustParseAddr("192.0.2.1"))), syscall.EINVAL, words)
	s.refuses(create(kernel.Jailsys("vnet", kernel.JailSysDisable)), syscall.EINVAL, "")
	s.refuses(create(kernel.Bool("vnet", true)), syscall.EINVAL, "")
	s.refuses(s.set("kerneltest", kernel.Addrs("ip4.addr", netip.MustParseAddr("192.0.2.1"))), syscall.EINVAL, words)
}
