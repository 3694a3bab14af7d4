package tooltext

import (
	"errors"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

// TestParseIfconfig reads lines as ifconfig(8) of 13.2 prints them.
func TestParseIfconfig(t *testing.T) {
	const text = "lo0: flags=8049<UP,LOOPBACK,RUNNING,MULTICAST> metric 0 mtu 16384\n" +
		"\toptions=680003<RXCSUM,TXCSUM,LINKSTATE,RXCSUM_IPV6,TXCSUM_IPV6>\n" +
		"\tinet6 ::1/128\n\tinet6 fe80::1%lo0/64 scopeid 0x1\n\tinet 127.0.0.1/8\n\tgroups: lo\n\tnd6 options=21<PERFORMNUD,AUTO_LINKLOCAL>\n" +
		"vnet0:1:b: flags=8862<BROADCAST,RUNNING,SIMPLEX,MULTICAST> metric 0 mtu 1400\n" +
		"\tdescription: a jail's: own\n\toptions=8<VLAN_MTU>\n\tether 02:54:40:05:4a:0b\n" +
		"\tinet 192.0.2.10/24 broadcast 192.0.2.255\n\tgroups: epair ioc\n\tmedia: Ethernet 10Gbase-T (10Gbase-T <full-duplex>)\n\tstatus: active\n"
	list := ParseIfconfig(text)
	if len(list) != 2 {
		t.Fatalf("%+v", list)
	}
	lo, nic := list[0], list[1]
	if lo.Name != "lo0" || !lo.Up || lo.MTU != 16384 || !slices.Equal(lo.Addrs, []netip.Prefix{netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("fe80::1/64"), netip.MustParsePrefix("127.0.0.1/8")}) {
		t.Errorf("%+v", lo)
	}
	if nic.Name != "vnet0:1:b" || nic.Up || nic.MTU != 1400 || nic.MAC.String() != "02:54:40:05:4a:0b" || nic.Description != "a jail's: own" ||
		!slices.Equal(nic.Groups, []string{"epair", "ioc"}) || !slices.Equal(nic.Addrs, []netip.Prefix{netip.MustParsePrefix("192.0.2.10/24")}) {
		t.Errorf("%+v", nic)
	}
}

func TestParseBridgeMembers(t *testing.T) {
	const text = "br0: flags=8843<UP> metric 0 mtu 1500\n\tether 58:9c:fc:10:ff:8c\n\tmember: hC flags=143<LEARNING,DISCOVER,AUTOEDGE,AUTOPTP>\n" +
		"\t        ifmaxaddr 0 port 5 priority 128 path cost 2000\n\tmember: vnet0:1 flags=140<AUTOEDGE,AUTOPTP>\n\tgroups: bridge\n"
	if got := ParseBridgeMembers(text); !slices.Equal(got, []string{"hC", "vnet0:1"}) {
		t.Errorf("%q", got)
	}
}

func TestParseLinkIndexes(t *testing.T) {
	const text = "Name   Mtu Network     Address            Ipkts Ierrs Idrop Opkts Oerrs Coll\n" +
		"lo0  16384 <Link#1>    lo0                    0     0     0     0     0    0\n" +
		"lo0      - 127.0.0.0/8 127.0.0.1              0     -     -     0     -    -\n" +
		"vnet0*  1500 <Link#12> 02:54:40:05:4a:0b      0     0     0     0     0    0\n"
	got := ParseLinkIndexes(text)
	if len(got) != 2 || got["lo0"] != 1 || got["vnet0"] != 12 {
		t.Errorf("%v", got)
	}
}

func TestParseNetstatRoutes(t *testing.T) {
	const text = `{"statistics":{"route-information":{"route-table":{"rt-family":[
		{"address-family":"Internet","rt-entry":[
			{"destination":"default","gateway":"192.0.2.1","flags":"UGS","interface-name":"vnet0"},
			{"destination":"192.0.2.0/24","gateway":"link#2","flags":"U","interface-name":"vnet0"},
			{"destination":"192.0.2.10","gateway":"link#2","flags":"UHS","interface-name":"lo0"},
			{"destination":"203.0.113.9","gateway":"192.0.2.1","flags":"UGHS","interface-name":"vnet0"},
			{"destination":"198.51.100.0/24","gateway":"192.0.2.1","flags":"GS","interface-name":"vnet0"}]},
		{"address-family":"Internet6","rt-entry":[
			{"destination":"default","gateway":"fe80::1%vnet0","flags":"UGS","interface-name":"vnet0"},
			{"destination":"fe80::%vnet0/64","gateway":"link#2","flags":"U","interface-name":"vnet0"},
			{"destination":"::1","gateway":"link#1","flags":"UHS","interface-name":"lo0"}]}]}}}}`
	list, err := ParseNetstatRoutes([]byte(text), 3)
	if err != nil {
		t.Fatal(err)
	}
	want := []kernel.Route{
		{Dest: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.1"), Interface: "vnet0", FIB: 3},
		{Dest: netip.MustParsePrefix("192.0.2.0/24"), Gateway: netip.Addr{}, Interface: "vnet0", FIB: 3},
		{Dest: netip.MustParsePrefix("203.0.113.9/32"), Gateway: netip.MustParseAddr("192.0.2.1"), Interface: "vnet0", FIB: 3},
		{Dest: netip.MustParsePrefix("::/0"), Gateway: netip.MustParseAddr("fe80::1"), Interface: "vnet0", FIB: 3},
		{Dest: netip.MustParsePrefix("fe80::/64"), Gateway: netip.Addr{}, Interface: "vnet0", FIB: 3},
	}
	if !slices.Equal(list, want) {
		t.Errorf("got %+v\nwant %+v", list, want)
	}
	if _, err := ParseNetstatRoutes([]byte("Routing tables"), 0); err == nil {
		t.Error("text that is not JSON was accepted")
	}
}

// TestToolError uses what ifconfig(8) and route(8) of 13.2 and 15.1 were recorded
// to say, and what if_bridge(4) of a GENERIC kernel of 15.1 has for the same.
func TestToolError(t *testing.T) {
	for _, c := range []struct {
		op, stdout, stderr string
		code               int
		want               []error
	}{
		{"ifconfig", "", "", 0, nil},
		{"ifconfig", "", "ifconfig: interface nosuch does not exist\n", 1, []error{kernel.ErrNotFound, syscall.ENXIO}},
		{"ifconfig", "", "ifconfig: BRDGADD hA: Device busy\n", 1, []error{syscall.EBUSY}},
		{"ifconfig", "", "ifconfig: BRDGSADDR nosuch: No such file or directory\n", 1, []error{kernel.ErrNotFound, syscall.ENOENT}},
		{"ifconfig", "", "ifconfig: ioctl SIOCSIFMTU (set mtu): Invalid argument\n", 1, []error{syscall.EINVAL}},
		{"ifconfig", "", "ifconfig: ioctl (SIOCDIFADDR): Can't assign requested address\n", 1, []error{kernel.ErrNotFound, syscall.EADDRNOTAVAIL}},
		{"ifconfig", "", "ifconfig: BRDGADD vnet0:12: File exists (errno 17 category 7 (src sys/net/if_bridge.c:1389) p1 0 p2 0)\n", 1, []error{kernel.ErrExists, syscall.EEXIST}},
		{"ifconfig", "", "ifconfig: BRDGADD vnet0:12: File exists (Interface is already a member of this bridge)\n", 1, []error{kernel.ErrExists, syscall.EEXIST}},
		{"ifconfig", "", "ifconfig: BRDGDEL nosuch0: No such file or directory (errno 2 category 7 (src sys/net/if_bridge.c:1557) p1 0 p2 0)\n", 1, []error{kernel.ErrNotFound, syscall.ENOENT}},
		{"ifconfig", "", "ifconfig: BRDGADD lo0: Invalid argument (errno 22 category 7: (src sys/net)\n", 1, []error{syscall.EINVAL}},
		{"route", "add net default: gateway 192.0.2.1\n", "", 0, nil},
		{"route", "add net default: gateway 192.0.2.1 fib 0: route already in table\n", "", 1, []error{kernel.ErrExists, syscall.EEXIST}},
		{"route", "add net default: gateway 198.51.100.1 fib 0: Network is unreachable\n", "route: writing to routing socket: Network is unreachable\n", 1, []error{syscall.ENETUNREACH}},
		{"route", "add net default: gateway 198.51.100.1 fib 0: Invalid argument\n", "route: message indicates error: Invalid argument\n", 1, []error{syscall.EINVAL}},
		{"route", "add net default: gateway 192.0.2.1 fib 0: route already in table\n", "route: message indicates error: File exists\n", 1, []error{kernel.ErrExists, syscall.EEXIST}},
		{"route", "delete net default: gateway 192.0.2.1 fib 0: Invalid argument\n", "route: message indicates error: Invalid argument\n", 1, []error{syscall.EINVAL}},
		{"route", "delete net default fib 0: not in table\n", "route: route has not been found\n", 1, []error{kernel.ErrNotFound, syscall.ESRCH}},
	} {
		err := ToolError(c.op, "x", kernel.Exit{Code: c.code}, c.stdout, c.stderr)
		if (err == nil) != (c.want == nil) {
			t.Errorf("%q %q: %v", c.stdout, c.stderr, err)
		}
		for _, want := range c.want {
			if !errors.Is(err, want) {
				t.Errorf("%q %q: %v is not %v", c.stdout, c.stderr, err, want)
			}
		}
	}
}

func TestRouteArgs(t *testing.T) {
	for _, c := range []struct {
		route   kernel.Route
		through string
		want    []string
	}{
		{kernel.Route{Dest: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.1")}, "", []string{"-n", "add", "-fib", "0", "-inet", "-net", "0.0.0.0/0", "192.0.2.1"}},
		{kernel.Route{Dest: netip.MustParsePrefix("192.0.2.9/32"), Interface: "em0", FIB: 2}, "em0", []string{"-n", "add", "-fib", "2", "-inet", "-host", "192.0.2.9", "-interface", "em0"}},
		{kernel.Route{Dest: netip.MustParsePrefix("::/0"), Gateway: netip.MustParseAddr("fe80::1"), Interface: "em0"}, "em0", []string{"-n", "add", "-fib", "0", "-inet6", "-net", "::/0", "fe80::1%em0"}},
	} {
		if got := RouteArgs("add", c.route, c.through); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q", c.route, got)
		}
	}
}

func TestRctlText(t *testing.T) {
	if got := ParseRctlRules("jail:a:maxproc:deny=10,jail:a:pcpu:deny=50/jail,"); !slices.Equal(got, []string{"jail:a:maxproc:deny=10", "jail:a:pcpu:deny=50/jail"}) {
		t.Errorf("%q", got)
	}
	if got := ParseRctlRules(""); len(got) != 0 {
		t.Errorf("%q", got)
	}
	usage := ParseRctlUsage("cputime=12,memoryuse=18446744073709551615,readbps=-1,x,=3,pcpu=abc,")
	if len(usage) != 3 || usage["cputime"] != 12 || usage["memoryuse"] != 1<<64-1 || usage["readbps"] != 0 {
		t.Errorf("%v", usage)
	}
}

// FuzzToolText gives the parsers of text any text.
func FuzzToolText(f *testing.F) {
	f.Add("lo0: flags=8049<UP> metric 0 mtu 16384\n\tether \n\tinet \n\tinet6 %/\n")
	f.Add(`{"statistics":{"route-information":{"route-table":{"rt-family":[{"rt-entry":[{"destination":"/","flags":"UG"}]}]}}}}`)
	f.Add("a=1,b,=,c=-")
	f.Fuzz(func(t *testing.T, s string) {
		for _, nic := range ParseIfconfig(s) {
			for _, p := range nic.Addrs {
				if !p.IsValid() {
					t.Errorf("%v", p)
				}
			}
		}
		ParseBridgeMembers(s)
		ParseLinkIndexes(s)
		if list, err := ParseNetstatRoutes([]byte(s), 0); err == nil {
			for _, r := range list {
				if !r.Dest.IsValid() {
					t.Errorf("%+v", r)
				}
			}
		}
		for _, rule := range ParseRctlRules(s) {
			if rule == "" {
				t.Error("an empty rule")
			}
		}
		ParseRctlUsage(s)
		_ = ToolError("route", "", kernel.Exit{Code: 1}, s, s)
	})
}

// A gateway out of reach is ENETUNREACH on every release; what has no gateway
// keeps its own errno.
func TestRouteRefused(t *testing.T) {
	via := kernel.Route{Dest: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("198.51.100.1")}
	for _, c := range []struct {
		route kernel.Route
		errno syscall.Errno
		want  []error
	}{
		{via, syscall.EINVAL, []error{syscall.ENETUNREACH, syscall.EINVAL}},
		{via, syscall.ENETUNREACH, []error{syscall.ENETUNREACH}},
		{via, syscall.EPERM, []error{syscall.EPERM}},
		{kernel.Route{Dest: via.Dest, Interface: "em0"}, syscall.EINVAL, []error{syscall.EINVAL}},
	} {
		err := RouteRefused(c.route, &kernel.CallError{Op: "route", Subject: "0.0.0.0/0", Errno: c.errno})
		for _, want := range c.want {
			if !errors.Is(err, want) {
				t.Errorf("%v: %v is not %v", c.errno, err, want)
			}
		}
		if unreachable := errors.Is(err, syscall.ENETUNREACH); unreachable != slices.Contains(c.want, error(syscall.ENETUNREACH)) {
			t.Errorf("%v: %v", c.errno, err)
		}
	}
	if err := RouteRefused(via, nil); err != nil {
		t.Error(err)
	}
}
