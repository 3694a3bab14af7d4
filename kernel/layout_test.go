package kernel

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// ioc computes an ioctl number as sys/ioccom.h does: the direction, the size of
// the argument, the group and the command.
func ioc(dir uint32, group byte, cmd byte, size int) uint32 {
	return dir | uint32(size)<<16 | uint32(group)<<8 | uint32(cmd)
}

// TestIoctlNumbers recomputes every request from the size of its structure, so
// that number and encoder cannot disagree.
func TestIoctlNumbers(t *testing.T) {
	const w, rw = 0x80000000, 0xc0000000
	for _, c := range []struct {
		name string
		got  uint32
		dir  uint32
		grp  byte
		cmd  byte
		size int
	}{
		{"DEVFSIO_RADD", devfsioRAdd, rw, 'D', 0, devfsRuleSize},
		{"DEVFSIO_RDEL", devfsioRDel, w, 'D', 1, 4},
		{"DEVFSIO_RGETNEXT", devfsioRGetNext, rw, 'D', 4, devfsRuleSize},
		{"DEVFSIO_SAPPLY", devfsioSApply, w, 'D', 11, 2},
		{"DEVFSIO_SGETNEXT", devfsioSGetNext, rw, 'D', 12, 2},
		{"SIOCIFCREATE2", siocIFCreate2, rw, 'i', 124, ifreqSize},
		{"SIOCIFDESTROY", siocIFDestroy, w, 'i', 121, ifreqSize},
		{"SIOCGIFCONF", siocGIFConf, rw, 'i', 36, 16},
		{"SIOCGIFFLAGS", siocGIFFlags, rw, 'i', 17, ifreqSize},
		{"SIOCSIFFLAGS", siocSIFFlags, w, 'i', 16, ifreqSize},
		{"SIOCGIFMTU", siocGIFMTU, rw, 'i', 51, ifreqSize},
		{"SIOCSIFMTU", siocSIFMTU, w, 'i', 52, ifreqSize},
		{"SIOCGIFINDEX", siocGIFIndex, rw, 'i', 32, ifreqSize},
		{"SIOCGIFNETMASK", siocGIFNetmask, rw, 'i', 37, ifreqSize},
		{"SIOCSIFNAME", siocSIFName, w, 'i', 40, ifreqSize},
		{"SIOCSIFDESCR", siocSIFDescr, w, 'i', 41, ifreqSize},
		{"SIOCGIFDESCR", siocGIFDescr, rw, 'i', 42, ifreqSize},
		{"SIOCSIFLLADDR", siocSIFLLAddr, w, 'i', 60, ifreqSize},
		{"SIOCSIFVNET", siocSIFVnet, rw, 'i', 90, ifreqSize},
		{"SIOCSIFRVNET", siocSIFRVnet, rw, 'i', 91, ifreqSize},
		{"SIOCSETVLAN", siocSETVLAN, w, 'i', 57, ifreqSize},
		{"SIOCAIFGROUP", siocAIFGroup, w, 'i', 135, 40},
		{"SIOCDIFGROUP", siocDIFGroup, w, 'i', 137, 40},
		{"SIOCGIFGROUP", siocGIFGroup, rw, 'i', 136, 40},
		{"SIOCSDRVSPEC", siocSDrvSpec, w, 'i', 123, 40},
		{"SIOCGDRVSPEC", siocGDrvSpec, rw, 'i', 123, 40},
		{"SIOCAIFADDR", siocAIFAddr, w, 'i', 43, ifaliasreqSize},
		{"SIOCDIFADDR", siocDIFAddr, w, 'i', 25, ifreqSize},
		{"SIOCAIFADDR_IN6", siocAIFAddr6, w, 'i', 27, in6AliasSize},
		{"SIOCDIFADDR_IN6", siocDIFAddr6, w, 'i', 25, in6IfreqSize},
		{"SIOCGIFNETMASK_IN6", siocGIFNetmask6, rw, 'i', 37, in6IfreqSize},
		{"SIOCGIFINFO_IN6", siocGIFInfo6, rw, 'i', 108, in6NDSize},
		{"SIOCSIFINFO_IN6", siocSIFInfo6, rw, 'i', 109, in6NDSize},
	} {
		if want := ioc(c.dir, c.grp, c.cmd, c.size); c.got != want {
			t.Errorf("%s is %#x, its structure makes it %#x", c.name, c.got, want)
		}
	}
}

// TestStructures compares every encoder with bytes written by hand after the
// headers of FreeBSD 13.2 on a little-endian 64-bit machine.
func TestStructures(t *testing.T) {
	mac := net.HardwareAddr{2, 0xff, 0x60, 0, 0x0a, 0x0b}
	v4 := Address{Prefix: netip.MustParsePrefix("192.0.2.10/24")}
	v4b := v4
	v4b.Broadcast = netip.MustParseAddr("192.0.2.255")
	v6 := Address{Prefix: netip.MustParsePrefix("2001:db8::10/64")}
	link := netip.MustParseAddr("fe80::1")
	uid, gid, mode := uint32(0x01020304), uint32(5), uint16(0o640)
	rule, refused := DevfsRule{
		Number: 100, Path: "bpf*", Types: DevTTY, Unhide: true,
		UID: &uid, GID: &gid, Mode: &mode, Include: 3,
	}.encode(4)
	if refused != nil {
		t.Fatal(refused)
	}
	z := func(n int) string { return strings.Repeat("00", n) }
	name := func(s string) string { return hex.EncodeToString([]byte(s)) + z(16-len(s)) }
	sin := func(a string) string { return "1002" + "0000" + a + z(8) }
	for _, c := range []struct {
		what string
		got  []byte
		want string
	}{
		{"ifreq", ifreq("epair0a"), name("epair0a") + z(16)},
		{"ifreq with a jid", ifreqInt("epair0b", 258), name("epair0b") + "02010000" + z(12)},
		{"ifreq with a negative number", ifreqInt("x", -1), name("x") + "ffffffff" + z(12)},
		{"ifreq with a MAC address", ifreqMAC("e0", mac), name("e0") + "0612" + "02ff60000a0b" + z(8)},
		{"sockaddr_in", sockaddr(v4.Prefix.Addr(), 7), sin("c000020a")},
		{"sockaddr_in6", sockaddr(v6.Prefix.Addr(), 7), "1c1c000000000000" + "20010db8000000000000000000000010" + "00000000"},
		{"sockaddr_in6 with scope", sockaddr(link, 7), "1c1c000000000000" + "fe800000000000000000000000000001" + "07000000"},
		{"ifaliasreq", ifaliasreq("em0", v4), name("em0") + sin("c000020a") + z(16) + sin("ffffff00") + z(4)},
		{"ifaliasreq with broadcast", ifaliasreq("em0", v4b), name("em0") + sin("c000020a") + sin("c00002ff") + sin("ffffff00") + z(4)},
		{"in6_aliasreq", in6AliasReq("vnet0", v6, 3), name("vnet0") +
			"1c1c000000000000" + "20010db8000000000000000000000010" + "00000000" + // address at 16
			z(28) + // destination at 44
			"1c1c000000000000" + "ffffffffffffffff0000000000000000" + "00000000" + // mask at 72
			z(4) + // flags at 100
			z(16) + "ffffffff" + "ffffffff" + // lifetimes at 104
			z(8)}, // vhid at 128
		{"in6_ifreq", in6Ifreq("vnet0", link, 2), name("vnet0") + "1c1c000000000000" + "fe800000000000000000000000000001" + "02000000" + z(288-16-28)},
		{"in6_ndireq", in6NDReq("vnet0"), name("vnet0") + z(56)},
		{"vlanreq", vlanreq(VLAN{Parent: "em0", Tag: 0x123}), name("em0") + "2301" + "0081"},
		{"ifbreq", ifbreq("epair0a"), name("epair0a") + z(64)},
		{"ifbareq", ifbareq("epair0a", mac), name("epair0a") + z(8) + "01" + "02ff60000a0b" + "00" + z(8)},
		{"devfs_rule", rule, "7a080adb" + "64000400" + "03000000" + "04000000" +
			hex.EncodeToString([]byte("bpf*")) + z(196) +
			"1f000000" + "02000000" + "04030201" + "05000000" + "a001" + "0300"},
		{"a rule's number in RGETNEXT", mustEncode(t, DevfsRule{Number: 7}, 65535), "7a080adb" + "0700ffff" + z(228)},
	} {
		if got := hex.EncodeToString(c.got); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.what, got, c.want)
		}
	}
}

func mustEncode(t *testing.T, r DevfsRule, ruleset uint16) []byte {
	b, refused := r.encode(ruleset)
	if refused != nil {
		t.Fatal(refused)
	}
	return b
}

func TestIfreqFlags(t *testing.T) {
	b := ifreq("em0")
	putIfreqFlags(b, 0x00018843)
	if got := hex.EncodeToString(b[16:20]); got != "43880100" {
		t.Errorf("flags are %s", got)
	}
	if got := ifreqFlags(b); got != 0x00018843 {
		t.Errorf("read back %#x", got)
	}
}

func TestRouteMessages(t *testing.T) {
	z := func(n int) string { return strings.Repeat("00", n) }
	header := func(length, kind, index, flags, addrs, seq string) string {
		return length + "05" + kind + index + "0000" + flags + addrs + z(4) + seq + z(152-24)
	}
	sin := func(a string) string { return "10020000" + a + z(8) }
	sin6 := func(a, scope string) string { return "1c1c000000000000" + a + scope + z(4) }
	for _, c := range []struct {
		what  string
		kind  byte
		route Route
		index int
		want  string
	}{
		{
			"default by a gateway", rtmAdd,
			Route{Dest: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.1")}, 0,
			header("c800", "01", "0000", "03080000", "07000000", "09000000") + sin("00000000") + sin("c0000201") + sin("00000000"),
		},
		{
			"network deleted", rtmDelete,
			Route{Dest: netip.MustParsePrefix("198.51.100.77/24"), Gateway: netip.MustParseAddr("192.0.2.1")}, 0,
			header("c800", "02", "0000", "03080000", "07000000", "09000000") + sin("c6336400") + sin("c0000201") + sin("ffffff00"),
		},
		{
			"host through an interface", rtmAdd,
			Route{Dest: netip.MustParsePrefix("192.0.2.9/32")}, 5,
			header("e000", "01", "0500", "05080000", "03000000", "09000000") + sin("c0000209") + "36120500" + z(52),
		},
		{
			"IPv6 default by a link-local gateway", rtmAdd,
			Route{Dest: netip.MustParsePrefix("::/0"), Gateway: netip.MustParseAddr("fe80::1")}, 2,
			header("f800", "01", "0200", "03080000", "07000000", "09000000") +
				sin6(z(16), z(4)) + sin6("fe800000000000000000000000000001", "02000000") + sin6(z(16), z(4)),
		},
	} {
		if got := hex.EncodeToString(routeMessage(c.kind, c.route, c.index, 9)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.what, got, c.want)
		}
	}
}

// TestParseRoutes reads messages as the kernel writes them: masks cut short,
// addresses with the scope inside, and messages of other kinds between.
func TestParseRoutes(t *testing.T) {
	msg := func(kind byte, flags uint32, addrs byte, index byte, sas string) []byte {
		b := make([]byte, rtMsgSize)
		b[2], b[3], b[4] = rtmVersion, kind, index
		b[8], b[9], b[10] = byte(flags), byte(flags>>8), byte(flags>>16)
		b[12] = addrs
		more, err := hex.DecodeString(strings.ReplaceAll(sas, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		b = slices.Concat(b, more)
		b[0], b[1] = byte(len(b)), byte(len(b)>>8)
		return b
	}
	pad := strings.Repeat("00", 8)
	dump := bytes.Join([][]byte{
		msg(rtmGet, rtfUp|rtfGateway|rtfStatic, 7, 2, "10020000 00000000"+pad+"10020000 c0000201"+pad+"00000000 00000000"),
		msg(rtmGet, rtfUp, 7, 2, "10020000 c0000200"+pad+"10020000 00000000"+pad+"07000000 ffffff00"),
		msg(12, rtfUp, 1, 2, "10020000 c0000200"+pad),
		msg(rtmGet, rtfUp|rtfHost|rtfStatic, 3, 1, "10020000 c000020a"+pad+"10020000 00000000"+pad),
		msg(rtmGet, rtfUp|rtfGateway, 7, 3, "1c1c0000 00000000 00000000000000000000000000000000 00000000 00000000"+
			"1c1c0000 00000000 fe800003000000000000000000000001 03000000 00000000"+
			"00000000 00000000"),
		msg(rtmGet, rtfUp, 7, 3, "1c1c0000 00000000 20010db8000000000000000000000000 00000000 00000000"+
			"1c1c0000 00000000 00000000000000000000000000000000 00000000 00000000"+
			"10000000 00000000 ffffffffffffffff"),
	}, nil)
	var got []string
	for _, r := range parseRoutes(dump) {
		s := r.Dest.String()
		if r.Gateway.IsValid() {
			s += " " + r.Gateway.String()
		}
		got = append(got, s+" "+itoa(r.index))
	}
	want := []string{"0.0.0.0/0 192.0.2.1 2", "192.0.2.0/24 2", "192.0.2.10/32 1", "::/0 fe80::1 3", "2001:db8::/64 3"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestParseIfconf(t *testing.T) {
	name := func(s string) string { return hex.EncodeToString([]byte(s)) + strings.Repeat("00", 16-len(s)) }
	text := name("vnet0") + "3612 0200 06 05 06 00" + hex.EncodeToString([]byte("vnet0")) + "02ff60000a0b" + strings.Repeat("00", 54-8-11) +
		name("vnet0") + "10020000c000020a" + strings.Repeat("00", 8) +
		name("vnet0") + "1c1c000000000000" + "fe800002000000000000000000000001" + "02000000" +
		name("gif0") + strings.Repeat("00", 16)
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	got := parseIfconf(b)
	if len(got) != 4 {
		t.Fatalf("%d entries: %+v", len(got), got)
	}
	if e := got[0]; e.name != "vnet0" || e.index != 2 || e.mac.String() != "02:ff:60:00:0a:0b" {
		t.Errorf("link address %+v", e)
	}
	if e := got[1]; e.addr != netip.MustParseAddr("192.0.2.10") {
		t.Errorf("IPv4 %+v", e)
	}
	if e := got[2]; e.addr != netip.MustParseAddr("fe80::1") {
		t.Errorf("IPv6 %+v", e)
	}
	if e := got[3]; e.name != "gif0" || e.family != 0 {
		t.Errorf("no address %+v", e)
	}
}

// TestDevfsRuleRoundTrip also refuses the pattern that would be cut short.
func TestDevfsRuleRoundTrip(t *testing.T) {
	zero, mode := uint32(0), uint16(0)
	for _, r := range []DevfsRule{
		{Number: 1, Hide: true},
		{Number: 65535, Path: strings.Repeat("a", 199), Unhide: true},
		{Number: 3, UID: &zero, Mode: &mode},
		{Number: 4, Types: DevDisk | DevMem, Include: 65535},
	} {
		got := decodeDevfsRule(mustEncode(t, r, 9))
		if got.Number != r.Number || got.Path != r.Path || got.Types != r.Types || got.Hide != r.Hide || got.Unhide != r.Unhide ||
			(got.UID == nil) != (r.UID == nil) || (got.GID == nil) != (r.GID == nil) || (got.Mode == nil) != (r.Mode == nil) || got.Include != r.Include {
			t.Errorf("%+v came back as %+v", r, got)
		}
	}
	if _, refused := (DevfsRule{Path: strings.Repeat("a", 200)}).encode(1); refused == nil {
		t.Error("a pattern of 200 bytes was taken")
	}
}

// TestParseStatfs puts fields at the offsets of struct statfs.
func TestParseStatfs(t *testing.T) {
	b := make([]byte, 2*2344)
	one := b[2344:]
	one[3], one[2], one[1], one[0] = 0x20, 0x14, 0x05, 0x18
	one[8], one[10] = 0x09, 0x01 // rdonly, nosuid, update
	copy(one[192:], []byte{0x01, 0, 0, 0, 0xff, 0xff, 0xff, 0xff})
	copy(one[280:], "nullfs")
	copy(one[296:], "/zroot/src")
	copy(one[1320:], "/zroot/jail/dst")
	list := parseStatfsList(b)
	if len(list) != 2 {
		t.Fatalf("%d mounts", len(list))
	}
	want := Mounted{FSID: FSID{Val: [2]int32{1, -1}}, Type: "nullfs", From: "/zroot/src", Path: "/zroot/jail/dst", Flags: MntRdOnly | MntNoSuid | MntUpdate}
	if list[1] != want {
		t.Errorf("got %+v", list[1])
	}
	if got := list[1].FSID.String(); got != "FSID:1:-1" {
		t.Errorf("unmount(2) would get %q", got)
	}
}

func TestParseKinfo(t *testing.T) {
	record := func(pid, jid byte, stat byte, comm string) []byte {
		b := make([]byte, 1088)
		b[0], b[1] = 0x40, 0x04 // 1088
		b[72] = pid
		b[168] = 0xe9
		b[336], b[344] = 100, 7
		b[388] = stat
		copy(b[447:], comm)
		b[592] = jid
		return b
	}
	list := parseKinfo(bytes.Join([][]byte{record(10, 3, 2, "sh"), record(11, 3, 5, "gone"), {1, 2, 3}}, nil))
	if len(list) != 2 || !list[1].ended || list[0].ended {
		t.Fatalf("%+v", list)
	}
	p := list[0].Process
	if p.PID != 10 || p.JID != 3 || p.User != 0xe9 || p.Command != "sh" || p.Start.Unix() != 100 || p.Start.Nanosecond() != 7000 {
		t.Errorf("%+v", p)
	}
	if !p.same(p) || p.same(list[1].Process) {
		t.Error("identity of a process")
	}
}
