package abi

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/libioc/go-libioc/kernel"
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
		{"DEVFSIO_RADD", DEVFSIORAdd, rw, 'D', 0, DevfsRuleSize},
		{"DEVFSIO_RDEL", DEVFSIORDel, w, 'D', 1, 4},
		{"DEVFSIO_RGETNEXT", DEVFSIORGetNext, rw, 'D', 4, DevfsRuleSize},
		{"DEVFSIO_SAPPLY", DEVFSIOSApply, w, 'D', 11, 2},
		{"DEVFSIO_SGETNEXT", DEVFSIOSGetNext, rw, 'D', 12, 2},
		{"SIOCIFCREATE2", SIOCIFCreate2, rw, 'i', 124, IfreqSize},
		{"SIOCIFDESTROY", SIOCIFDestroy, w, 'i', 121, IfreqSize},
		{"SIOCGIFCONF", SIOCGIFConf, rw, 'i', 36, 16},
		{"SIOCGIFFLAGS", SIOCGIFFlags, rw, 'i', 17, IfreqSize},
		{"SIOCSIFFLAGS", SIOCSIFFlags, w, 'i', 16, IfreqSize},
		{"SIOCGIFMTU", SIOCGIFMTU, rw, 'i', 51, IfreqSize},
		{"SIOCSIFMTU", SIOCSIFMTU, w, 'i', 52, IfreqSize},
		{"SIOCGIFINDEX", SIOCGIFIndex, rw, 'i', 32, IfreqSize},
		{"SIOCGIFNETMASK", SIOCGIFNetmask, rw, 'i', 37, IfreqSize},
		{"SIOCSIFNAME", SIOCSIFName, w, 'i', 40, IfreqSize},
		{"SIOCSIFDESCR", SIOCSIFDescr, w, 'i', 41, IfreqSize},
		{"SIOCGIFDESCR", SIOCGIFDescr, rw, 'i', 42, IfreqSize},
		{"SIOCSIFLLADDR", SIOCSIFLLAddr, w, 'i', 60, IfreqSize},
		{"SIOCSIFVNET", SIOCSIFVnet, rw, 'i', 90, IfreqSize},
		{"SIOCSIFRVNET", SIOCSIFRVnet, rw, 'i', 91, IfreqSize},
		{"SIOCSETVLAN", SIOCSETVLAN, w, 'i', 57, IfreqSize},
		{"SIOCAIFGROUP", SIOCAIFGroup, w, 'i', 135, 40},
		{"SIOCDIFGROUP", SIOCDIFGroup, w, 'i', 137, 40},
		{"SIOCGIFGROUP", SIOCGIFGroup, rw, 'i', 136, 40},
		{"SIOCSDRVSPEC", SIOCSDrvSpec, w, 'i', 123, 40},
		{"SIOCGDRVSPEC", SIOCGDrvSpec, rw, 'i', 123, 40},
		{"SIOCAIFADDR", SIOCAIFAddr, w, 'i', 43, ifaliasreqSize},
		{"SIOCDIFADDR", SIOCDIFAddr, w, 'i', 25, IfreqSize},
		{"SIOCAIFADDR_IN6", SIOCAIFAddr6, w, 'i', 27, in6AliasSize},
		{"SIOCDIFADDR_IN6", SIOCDIFAddr6, w, 'i', 25, in6IfreqSize},
		{"SIOCGIFNETMASK_IN6", SIOCGIFNetmask6, rw, 'i', 37, in6IfreqSize},
		{"SIOCGIFINFO_IN6", SIOCGIFInfo6, rw, 'i', 108, in6NDSize},
		{"SIOCSIFINFO_IN6", SIOCSIFInfo6, rw, 'i', 109, in6NDSize},
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
	v4 := kernel.Address{Prefix: netip.MustParsePrefix("192.0.2.10/24")}
	v4b := v4
	v4b.Broadcast = netip.MustParseAddr("192.0.2.255")
	v6 := kernel.Address{Prefix: netip.MustParsePrefix("2001:db8::10/64")}
	link := netip.MustParseAddr("fe80::1")
	uid, gid, mode := uint32(0x01020304), uint32(5), uint16(0o640)
	rule, refused := EncodeDevfsRule(kernel.DevfsRule{
		Number: 100, Path: "bpf*", Types: kernel.DevTTY, Unhide: true,
		UID: &uid, GID: &gid, Mode: &mode, Include: 3,
	}, 4)
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
		{"ifreq", Ifreq("epair0a"), name("epair0a") + z(16)},
		{"ifreq with a jid", IfreqInt("epair0b", 258), name("epair0b") + "02010000" + z(12)},
		{"ifreq with a negative number", IfreqInt("x", -1), name("x") + "ffffffff" + z(12)},
		{"ifreq with a MAC address", IfreqMAC("e0", mac), name("e0") + "0612" + "02ff60000a0b" + z(8)},
		{"sockaddr_in", Sockaddr(v4.Prefix.Addr(), 7), sin("c000020a")},
		{"sockaddr_in6", Sockaddr(v6.Prefix.Addr(), 7), "1c1c000000000000" + "20010db8000000000000000000000010" + "00000000"},
		{"sockaddr_in6 with scope", Sockaddr(link, 7), "1c1c000000000000" + "fe800000000000000000000000000001" + "07000000"},
		{"ifaliasreq", Ifaliasreq("em0", v4), name("em0") + sin("c000020a") + z(16) + sin("ffffff00") + z(4)},
		{"ifaliasreq with broadcast", Ifaliasreq("em0", v4b), name("em0") + sin("c000020a") + sin("c00002ff") + sin("ffffff00") + z(4)},
		{"in6_aliasreq", In6AliasReq("vnet0", v6, 3), name("vnet0") +
			"1c1c000000000000" + "20010db8000000000000000000000010" + "00000000" + // address at 16
			z(28) + // destination at 44
			"1c1c000000000000" + "ffffffffffffffff0000000000000000" + "00000000" + // mask at 72
			z(4) + // flags at 100
			z(16) + "ffffffff" + "ffffffff" + // lifetimes at 104
			z(8)}, // vhid at 128
		{"in6_ifreq", In6Ifreq("vnet0", link, 2), name("vnet0") + "1c1c000000000000" + "fe800000000000000000000000000001" + "02000000" + z(288-16-28)},
		{"in6_ndireq", In6NDReq("vnet0"), name("vnet0") + z(56)},
		{"vlanreq", Vlanreq(kernel.VLAN{Parent: "em0", Tag: 0x123}), name("em0") + "2301" + "0081"},
		{"ifbreq", Ifbreq("epair0a"), name("epair0a") + z(64)},
		{"ifbareq", Ifbareq("epair0a", mac), name("epair0a") + z(8) + "01" + "02ff60000a0b" + "00" + z(8)},
		{"devfs_rule", rule, "7a080adb" + "64000400" + "03000000" + "04000000" +
			hex.EncodeToString([]byte("bpf*")) + z(196) +
			"1f000000" + "02000000" + "04030201" + "05000000" + "a001" + "0300"},
		{"a rule's number in RGETNEXT", mustEncode(t, kernel.DevfsRule{Number: 7}, 65535), "7a080adb" + "0700ffff" + z(228)},
	} {
		if got := hex.EncodeToString(c.got); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.what, got, c.want)
		}
	}
}

func mustEncode(t *testing.T, r kernel.DevfsRule, ruleset uint16) []byte {
	b, refused := EncodeDevfsRule(r, ruleset)
	if refused != nil {
		t.Fatal(refused)
	}
	return b
}

func TestIfreqFlags(t *testing.T) {
	b := Ifreq("em0")
	PutIfreqFlags(b, 0x00018843)
	if got := hex.EncodeToString(b[16:20]); got != "43880100" {
		t.Errorf("flags are %s", got)
	}
	if got := IfreqFlags(b); got != 0x00018843 {
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
		route kernel.Route
		index int
		want  string
	}{
		{
			"default by a gateway", RTMAdd,
			kernel.Route{Dest: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.1")}, 0,
			header("c800", "01", "0000", "03080000", "07000000", "09000000") + sin("00000000") + sin("c0000201") + sin("00000000"),
		},
		{
			"network deleted", RTMDelete,
			kernel.Route{Dest: netip.MustParsePrefix("198.51.100.77/24"), Gateway: netip.MustParseAddr("192.0.2.1")}, 0,
			header("c800", "02", "0000", "03080000", "07000000", "09000000") + sin("c6336400") + sin("c0000201") + sin("ffffff00"),
		},
		{
			"host through an interface", RTMAdd,
			kernel.Route{Dest: netip.MustParsePrefix("192.0.2.9/32")}, 5,
			header("e000", "01", "0500", "05080000", "03000000", "09000000") + sin("c0000209") + "36120500" + z(52),
		},
		{
			"IPv6 default by a link-local gateway", RTMAdd,
			kernel.Route{Dest: netip.MustParsePrefix("::/0"), Gateway: netip.MustParseAddr("fe80::1")}, 2,
			header("f800", "01", "0200", "03080000", "07000000", "09000000") +
				sin6(z(16), z(4)) + sin6("fe800000000000000000000000000001", "02000000") + sin6(z(16), z(4)),
		},
	} {
		if got := hex.EncodeToString(RouteMessage(c.kind, c.route, c.index, 9)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.what, got, c.want)
		}
	}
}

// TestParseRoutes reads messages as the kernel writes them: masks cut short,
// addresses with the scope inside, and messages of other kinds between.
func TestParseRoutes(t *testing.T) {
	msg := func(kind byte, flags uint32, addrs byte, index byte, sas string) []byte {
		b := make([]byte, rtMsgSize)
		b[2], b[3], b[4] = RTMVersion, kind, index
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
		msg(RTMGet, RTFUp|RTFGateway|RTFStatic, 7, 2, "10020000 00000000"+pad+"10020000 c0000201"+pad+"00000000 00000000"),
		msg(RTMGet, RTFUp, 7, 2, "10020000 c0000200"+pad+"10020000 00000000"+pad+"07000000 ffffff00"),
		msg(12, RTFUp, 1, 2, "10020000 c0000200"+pad),
		msg(RTMGet, RTFUp|RTFHost|RTFStatic, 3, 1, "10020000 c000020a"+pad+"10020000 00000000"+pad),
		msg(RTMGet, RTFUp|RTFGateway, 7, 3, "1c1c0000 00000000 00000000000000000000000000000000 00000000 00000000"+
			"1c1c0000 00000000 fe800003000000000000000000000001 03000000 00000000"+
			"00000000 00000000"),
		msg(RTMGet, RTFUp, 7, 3, "1c1c0000 00000000 20010db8000000000000000000000000 00000000 00000000"+
			"1c1c0000 00000000 00000000000000000000000000000000 00000000 00000000"+
			"10000000 00000000 ffffffffffffffff"),
	}, nil)
	var got []string
	for _, r := range ParseRoutes(dump) {
		s := r.Dest.String()
		if r.Gateway.IsValid() {
			s += " " + r.Gateway.String()
		}
		got = append(got, s+" "+strconv.Itoa(r.Index))
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
	got := ParseIfconf(b)
	if len(got) != 4 {
		t.Fatalf("%d entries: %+v", len(got), got)
	}
	if e := got[0]; e.Name != "vnet0" || e.Index != 2 || e.Mac.String() != "02:ff:60:00:0a:0b" {
		t.Errorf("link address %+v", e)
	}
	if e := got[1]; e.Addr != netip.MustParseAddr("192.0.2.10") {
		t.Errorf("IPv4 %+v", e)
	}
	if e := got[2]; e.Addr != netip.MustParseAddr("fe80::1") {
		t.Errorf("IPv6 %+v", e)
	}
	if e := got[3]; e.Name != "gif0" || e.Family != 0 {
		t.Errorf("no address %+v", e)
	}
}

// TestDevfsRuleRoundTrip also refuses the pattern that would be cut short.
func TestDevfsRuleRoundTrip(t *testing.T) {
	zero, mode := uint32(0), uint16(0)
	for _, r := range []kernel.DevfsRule{
		{Number: 1, Hide: true},
		{Number: 65535, Path: strings.Repeat("a", 199), Unhide: true},
		{Number: 3, UID: &zero, Mode: &mode},
		{Number: 4, Types: kernel.DevDisk | kernel.DevMem, Include: 65535},
	} {
		got := DecodeDevfsRule(mustEncode(t, r, 9))
		if got.Number != r.Number || got.Path != r.Path || got.Types != r.Types || got.Hide != r.Hide || got.Unhide != r.Unhide ||
			(got.UID == nil) != (r.UID == nil) || (got.GID == nil) != (r.GID == nil) || (got.Mode == nil) != (r.Mode == nil) || got.Include != r.Include {
			t.Errorf("%+v came back as %+v", r, got)
		}
	}
	if _, refused := EncodeDevfsRule(kernel.DevfsRule{Path: strings.Repeat("a", 200)}, 1); refused == nil {
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
	list := ParseStatfsList(b)
	if len(list) != 2 {
		t.Fatalf("%d mounts", len(list))
	}
	want := kernel.Mounted{FSID: kernel.FSID{Val: [2]int32{1, -1}}, Type: "nullfs", From: "/zroot/src", Path: "/zroot/jail/dst", Flags: kernel.MntRdOnly | kernel.MntNoSuid | kernel.MntUpdate}
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
		b[72], b[80] = pid, pid+1
		b[168] = 0xe9
		b[336], b[344] = 100, 7
		b[388] = stat
		copy(b[447:], comm)
		b[592] = jid
		return b
	}
	list := ParseKinfo(bytes.Join([][]byte{record(10, 3, 2, "sh"), record(11, 3, 5, "gone"), {1, 2, 3}}, nil))
	if len(list) != 2 || !list[1].Ended || list[0].Ended {
		t.Fatalf("%+v", list)
	}
	p := list[0].Process
	if p.PID != 10 || p.Group != 11 || p.JID != 3 || p.User != 0xe9 || p.Command != "sh" || p.Start.Unix() != 100 || p.Start.Nanosecond() != 7000 {
		t.Errorf("%+v", p)
	}
	if !SameProcess(p, p) || SameProcess(p, list[1].Process) {
		t.Error("identity of a process")
	}
}
