package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestValues is the table of accepted texts: key, text, canonical text. A text
// of "error" is refused.
func TestValues(t *testing.T) {
	const refused = "error"
	for _, tt := range []struct{ key, in, want string }{
		// truth values, in every spelling that is written anywhere
		{"boot", "yes", "yes"}, {"boot", "True", "yes"}, {"boot", "ON", "yes"}, {"boot", "1", "yes"},
		{"boot", "no", "no"}, {"boot", "false", "no"}, {"boot", "off", "no"}, {"boot", "0", "no"},
		{"boot", "none", "none"}, {"boot", "-", "none"}, {"boot", "", "none"},
		{"boot", "2", refused}, {"boot", "yess", refused}, {"boot", " yes", refused},
		{"allow_raw_sockets", "yes", "1"}, {"allow_raw_sockets", "off", "0"},
		{"rlimits", "none", "none"}, {"rlimits", "on", "yes"}, {"rlimits", "off", "no"},
		// numbers
		{"securelevel", "-1", "-1"}, {"securelevel", "3", "3"}, {"securelevel", "4", refused}, {"securelevel", "2.0", "2"}, {"securelevel", "2.5", refused}, {"securelevel", "x", refused},
		{"children_max", "0", "0"}, {"priority", "99", "99"}, {"priority", "yes", "1"}, {"priority", "no", "0"}, {"priority", "99999999999999999999", refused},
		{"exec_timeout", "1", "1"}, {"exec_timeout", "600", "600"}, {"exec_timeout", "-1", refused}, {"stop_timeout", "no", "0"},
		{"devfs_ruleset", "4", "4"}, {"devfs_ruleset", "none", "none"}, {"devfs_ruleset", "devfsrules_jail", "devfsrules_jail"}, {"devfs_ruleset", "65536", refused}, {"devfs_ruleset", "A", refused},
		{"vnet0_mtu", "auto", "auto"}, {"vnet0_mtu", "1500", "1500"}, {"vnet0_mtu", "12", refused}, {"vnet0_mtu", "65536", refused},
		// texts are never anything else
		{"host_hostname", "on", "on"}, {"host_hostname", "1", "1"}, {"host_hostname", "none", "none"}, {"exec_start", "/bin/sh /etc/rc", "/bin/sh /etc/rc"},
		{"user.x", "on", "on"}, {"user.x", "none", "none"}, {"user.x", "", ""}, {"user.x", "-", "-"},
		{"osrelease", "13.2-RELEASE", "13.2-RELEASE"}, {"osrelease", strings.Repeat("x", 31), refused},
		// words
		{"ip4", "new", "new"}, {"ip4", "Inherit", "inherit"}, {"ip4", "none", "disable"}, {"ip4", "1", refused}, {"sysvmsg", "disable", "disable"}, {"sysvmsg", "none", "none"},
		{"basejail_type", "zfs", "zfs"}, {"basejail_type", "NULLFS", "nullfs"}, {"basejail_type", "ufs", refused},
		// lists
		{"vnet_interfaces", "em1 em2", "em1,em2"}, {"vnet_interfaces", "em1, em2", "em1,em2"},
		{"tags", "a,b", "a,b"}, {"tags", `a,b\,c`, `a,b\,c`}, {"tags", "none", "none"},
		{"jail_zfs_dataset", "a/b  c", "a/b c"}, {"login_flags", "-f root", "-f root"},
		// addresses
		{"ip4_addr", "em0|192.0.2.5/24", "em0|192.0.2.5/24"}, {"ip4_addr", "em0|192.0.2.5", "em0|192.0.2.5/32"}, {"ip4_addr", "192.0.2.5/24", "192.0.2.5/24"},
		{"ip4_addr", "em0|192.0.2.5/255.255.255.0", "em0|192.0.2.5/24"}, {"ip4_addr", "em0|192.0.2.5/0.0.0.255", "em0|192.0.2.5/24"}, {"ip4_addr", "em0|192.0.2.5/255.0.255.0", refused},
		{"ip4_addr", "DEFAULT|192.0.2.5/24", "DEFAULT|192.0.2.5/24"}, {"ip4_addr", "vnet0|DHCP", "vnet0|dhcp"}, {"ip4_addr", "DHCP", "dhcp"}, {"ip4_addr", "em0|AUTOIP4", "em0|AUTOIP4"},
		{"ip4_addr", "em0|10.0.0.1/24, em1|10.0.0.2/32", "em0|10.0.0.1/24,em1|10.0.0.2/32"}, {"ip4_addr", "b|10.0.0.2/32,a|10.0.0.1/32", "b|10.0.0.2/32,a|10.0.0.1/32"},
		{"ip4_addr", "em0|192.0.2.5/32 vhid  3", "em0|192.0.2.5/32 vhid 3"}, {"ip4_addr", "none", "none"}, {"ip4_addr", "-", "none"},
		{"ip4_addr", "em0|192.0.02.5/24", refused}, {"ip4_addr", "em0| 192.0.2.5", refused}, {"ip4_addr", "em0|192.0.2.5/33", refused}, {"ip4_addr", "|192.0.2.5", refused},
		{"ip4_addr", "em0|", refused}, {"ip4_addr", "em0|a|b", refused}, {"ip4_addr", ",", refused}, {"ip4_addr", "em0|2001:db8::1", refused}, {"ip4_addr", "em0|accept_rtadv", refused},
		{"ip6_addr", "em0|2001:DB8::1", "em0|2001:db8::1/128"}, {"ip6_addr", "em0|fe80::1%em0/64", "em0|fe80::1%em0/64"}, {"ip6_addr", "vnet0|ACCEPT_RTADV", "vnet0|accept_rtadv"},
		{"ip6_addr", "em0|::ffff:192.0.2.1", "em0|::ffff:192.0.2.1/128"}, {"ip6_addr", "em0|2001:db8::1/129", refused}, {"ip6_addr", "em0|dhcp", refused},
		// nics
		{"interfaces", "vnet0:bridge0,vnet1::bridge1", "vnet0:bridge0,vnet1::bridge1"}, {"interfaces", "vnet0:bridge0 vnet1:bridge1", "vnet0:bridge0,vnet1:bridge1"},
		{"interfaces", "vnet0:None", "vnet0:none"}, {"interfaces", "vnet0:", "vnet0:none"}, {"interfaces", "vnet0", refused}, {"interfaces", ":bridge0", refused},
		{"interfaces", "vnet0:::b", refused}, {"interfaces", "vnet0::none", refused}, {"interfaces", "none", "none"},
		// routes
		{"defaultrouter", "192.0.2.1", "192.0.2.1"}, {"defaultrouter", "192.0.2.1@vnet0", "192.0.2.1@vnet0"}, {"defaultrouter", "AUTO", "auto"}, {"defaultrouter", "none", "none"},
		{"defaultrouter", "192.0.2.1@", refused}, {"defaultrouter", "x", refused}, {"defaultrouter", "2001:db8::1", refused}, {"defaultrouter", "0.0.0.0", refused},
		{"defaultrouter6", "2001:DB8::1@vnet0", "2001:db8::1@vnet0"}, {"defaultrouter6", "FE80::1@vnet1", "fe80::1@vnet1"}, {"defaultrouter6", "fe80::1%vnet0", "fe80::1@vnet0"},
		{"defaultrouter6", "fe80::1%vnet0@vnet1", refused},
		// resolver
		{"resolver", "/etc/resolv.conf", "/etc/resolv.conf"}, {"resolver", "/dev/null", "/dev/null"}, {"resolver", "none", "none"}, {"resolver", "192.0.2.1;2001:db8::1", "192.0.2.1;2001:db8::1"},
		{"resolver", "192.0.2.1,192.0.2.2", "192.0.2.1;192.0.2.2"}, {"resolver", "nameserver 192.0.2.1;search example.org", "nameserver 192.0.2.1;search example.org"},
		{"resolver", "/etc/other", refused}, {"resolver", "exec rm", refused},
		// link addresses
		{"vnet0_mac", "02:00:00:00:00:01,02:00:00:00:00:02", "02:00:00:00:00:01,02:00:00:00:00:02"}, {"vnet0_mac", "AABBCCDDEEFF aa-bb-cc-dd-ee-fe", "aa:bb:cc:dd:ee:ff,aa:bb:cc:dd:ee:fe"},
		{"vnet0_mac", "NOT_A_MAC", refused}, {"vnet0_mac", "02:00:00:00:00:01", refused}, {"vnet0_mac", "020000000001,020000000002,020000000003", refused},
		{"vnet0_mac", "01:00:5e:00:00:01,02:00:00:00:00:02", refused}, {"vnet0_mac", "020000000001,020000000001", refused}, {"vnet0_mac", "zz0000000001,020000000001", refused}, {"vnet0_mac", "none", "none"},
		{"mac_prefix", "02FF60", "02ff60"}, {"mac_prefix", "02:ff", "02ff"}, {"mac_prefix", "03", refused}, {"mac_prefix", "0", refused}, {"mac_prefix", "xx", refused},
		// limits
		{"vmemoryuse", "128M", "deny=128M"}, {"memoryuse", "log=1G/process", "log=1G/process"}, {"memoryuse", "8G:log", "log=8G"}, {"pcpu", "20", "deny=20"},
		{"memoryuse", "off", "off"}, {"memoryuse", "none", "off"}, {"memoryuse", "off:deny", "off"}, {"memoryuse", "False:deny", "off"}, {"memoryuse", "None=None/None", "off"}, {"memoryuse", "-", "off"},
		{"memoryuse", ":deny", refused}, {"memoryuse", "deny=", refused}, {"memoryuse", "1024M:", refused}, {"memoryuse", "1G:deny/process", refused},
		{"memoryuse", "deny=1G", "deny=1G"}, {"memoryuse", "DENY=1g", "deny=1G"}, {"memoryuse", "deny=1G/process", "deny=1G/process"}, {"memoryuse", "deny=1.5G", refused}, {"memoryuse", "xdeny=1G", refused},
		{"memoryuse", "1536", "deny=1536"}, {"memoryuse", "2048K", "deny=2M"}, {"memoryuse", "deny=0x10", refused}, {"memoryuse", "deny=-5", refused}, {"memoryuse", "deny=9999999999999999999", refused}, {"memoryuse", "8E", refused},
		{"memoryuse", "throttle=10m", refused}, {"memoryuse", "1G/house", refused}, {"memoryuse", "sigfoo=1G", refused}, {"memoryuse", "siginfo=1G", "siginfo=1G"}, {"memoryuse", "1Gb", refused},
		{"memoryuse", "log=800M deny=1G", "log=800M deny=1G"}, {"memoryuse", "log=800M;deny=1G", "log=800M deny=1G"},
		{"pcpu", "deny=20m", refused}, {"cputime", "deny=5", refused}, {"cputime", "sigkill=3600", "sigkill=3600"}, {"cputime", "sigterm=3600/process", "sigterm=3600/process"},
		{"readbps", "throttle=10M", "throttle=10M"}, {"readbps", "10M", refused}, {"maxproc", "throttle=5", refused}, {"writeiops", "deny=10", refused}, {"maxproc", "0", refused}, {"maxproc", "2k", "deny=2048"},
		{"nmsgq", "deny=5/process", refused}, {"pseudoterminals", "deny=5/process", refused}, {"pseudoterminals", "deny=5", "deny=5"}, {"nsemop", "deny=5/process", "deny=5/process"},
		// cpusets
		{"cpuset", "0,1,2,3", "0-3"}, {"cpuset", "1,2,1", "1,2"}, {"cpuset", "0,2,4-6", "0,2,4-6"}, {"cpuset", "off", "off"}, {"cpuset", "all", "all"}, {"cpuset", "1,2,", refused},
		{"cpuset", ",1,2", refused}, {"cpuset", "gibberish", refused}, {"cpuset", "5-3", refused}, {"cpuset", "0-1024", refused}, {"cpuset", "0-1023", "0-1023"},
		// identities
		{"id", "web01", "web01"}, {"id", "has space", refused}, {"depends", "db,web", "db,web"}, {"depends", "db web", "db,web"}, {"depends", "name=db", "db"}, {"depends", "a/db tags=x", "a/db tags=x"}, {"depends", "has@at", refused},
		{"host_hostuuid", "web01", "web01"}, {"host_hostid", "4294967295", "4294967295"}, {"host_hostid", "-1", refused},
	} {
		p, ok := Lookup(tt.key)
		if !ok {
			t.Fatalf("no property %s", tt.key)
		}
		v, err := parseValue(p, tt.in)
		if err != nil {
			if !errors.Is(err, ErrInvalidValue) && !errors.Is(err, ErrInvalidName) {
				t.Errorf("%s=%q: %v is no refusal", tt.key, tt.in, err)
			}
			if tt.want != refused {
				t.Errorf("%s=%q: %v", tt.key, tt.in, err)
			}
			continue
		}
		text := formatValue(p, v, JSON)
		if text != tt.want {
			t.Errorf("%s=%q reads as %q, want %q", tt.key, tt.in, text, tt.want)
			continue
		}
		again, err := parseValue(p, text)
		if err != nil || !reflect.DeepEqual(fmt.Sprint(again), fmt.Sprint(v)) {
			t.Errorf("%s: canonical %q reads as %v, %v; want %v", tt.key, text, again, err, v)
		}
	}
}

func TestAddressOrder(t *testing.T) {
	list, err := parseAddresses("em1|192.0.2.9/24,em0|192.0.2.1/24,em1|192.0.2.8/32", false)
	if err != nil {
		t.Fatal(err)
	}
	if list[0].Addr.String() != "192.0.2.9" || list[0].Prefix().String() != "192.0.2.9/24" {
		t.Errorf("primary address %v", list[0])
	}
	if on := list.On("em1"); on.String() != "em1|192.0.2.9/24,em1|192.0.2.8/32" {
		t.Errorf("em1 has %v", on)
	}
	if _, _, err := parseAddress(" 192.0.2.5", false); err == nil {
		t.Error("a blank before an address was accepted")
	}
}

func TestSetRefusesMoreThanFiles(t *testing.T) {
	for _, tt := range []struct{ key, text string }{
		{"ip4_addr", "em0|192.0.2.0/24"}, {"ip4_addr", "em0|224.0.0.1/32"}, {"ip4_addr", "em0|0.0.0.0/32"}, {"ip4_addr", "em0|192.0.2.5/24,em1|192.0.2.5/32"},
		{"ip4_addr", "averylonginterface|192.0.2.5/24"}, {"ip6_addr", "em0|ff02::1"}, {"interfaces", "vnet0:bridge0,vnet0:bridge1"}, {"interfaces", "averylonginterface:b"},
	} {
		p, _ := Lookup(tt.key)
		if _, err := parseValue(p, tt.text); err != nil {
			t.Errorf("%s=%q does not load: %v", tt.key, tt.text, err)
		}
		c := New()
		if err := c.Set(tt.key, tt.text); !errors.Is(err, ErrInvalidValue) || c.Has(tt.key) {
			t.Errorf("%s=%q can be set: %v", tt.key, tt.text, err)
		}
	}
	c := New()
	if err := c.Set("ip4_addr", "em0|192.0.2.4/31"); err != nil {
		t.Errorf("a point-to-point address: %v", err)
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"ioc", "ioc23", "23ioc", "ioc-23", "ioc!jail", "ci-bsd!ioc", "Grönke", "jail>ioc", "jail{ioc}23", "jail.with.dots", "my-jail_2", "aÀ", "none", "yes", "1",
		strings.Repeat("a", 31), "0d3ef814-1339-4b7e-bb0e-c10cff5bf514", "0D3EF814-1339-4B7E-BB0E-C10CFF5BF514"} {
		if err := ValidName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", "-a", "a-", "!a", "@a", "a@b", "a b", `a\b`, "a\tb", "a\n", "jail{ioc}", "a--b", "💾", "a💾", "Ünï", strings.Repeat("a", 32), "a/b", "a\xff",
		"0d3ef814-1339-4b7e-bb0e-c10cff5bf51g", "0d3ef814_1339_4b7e_bb0e_c10cff5bf514", "0d3ef814-1339-4b7e-bb0e-c10cff5bf514\n"} {
		err := ValidName(name)
		var perr *PropertyError
		if !errors.Is(err, ErrInvalidName) || !errors.As(err, &perr) || perr.Value != name {
			t.Errorf("%q: %v", name, err)
		}
	}
	if got := HumanReadableName("0d3ef814-1339-4b7e-bb0e-c10cff5bf514"); got != "0d3ef814" {
		t.Errorf("UUID shown as %q", got)
	}
	if got := HumanReadableName("web01-longer-name"); got != "web01-longer-name" {
		t.Errorf("name shown as %q", got)
	}
	// libioc's expression takes a second for 23 of these and doubles per letter.
	start := time.Now()
	if ValidName(strings.Repeat("a", 30)+"@") == nil || time.Since(start) > time.Second {
		t.Error("backtracking")
	}
}

func TestLimitRule(t *testing.T) {
	for _, tt := range []struct{ resource, text, want string }{
		{"vmemoryuse", "128M", "vmemoryuse:deny=134217728"},
		{"memoryuse", "log=1G/process", "memoryuse:log=1073741824/process"},
		{"memoryuse", "8G:log", "memoryuse:log=8589934592"},
		{"maxproc", "deny=10/jail", "maxproc:deny=10"},
	} {
		l, err := parseLimits(tt.resource, tt.text)
		if err != nil || len(l) != 1 || l[0].Rule() != tt.want {
			t.Errorf("%s=%s: %v, %v, want %s", tt.resource, tt.text, l, err, tt.want)
		}
	}
	if _, err := parseLimits("nosuch", "1"); !errors.Is(err, ErrInvalidValue) {
		t.Errorf("unknown resource: %v", err)
	}
}

func TestResolverLines(t *testing.T) {
	r, err := parseResolver("192.0.2.1; search example.org")
	if err != nil || strings.Join(r.Lines(), "|") != "nameserver 192.0.2.1|search example.org" {
		t.Errorf("%v, %v", r.Lines(), err)
	}
}
