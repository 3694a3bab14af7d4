package tooltext

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

func TestParseIpfwList(t *testing.T) {
	text := "30001 allow ip from any to any layer2 out xmit vnet0:7:b MAC any 02:ff:60:10:bf:1e mac-type 0x0806 // ioc main-web vnet0\n" +
		"30001 deny ip from any to any layer2 out xmit vnet0:7:b\n## Dynamic rules (0):\n# DISABLED 30002 set 7 allow ip from any to any\n"
	want := []kernel.IpfwRule{
		{Number: 30001, Body: "allow ip from any to any layer2 out xmit vnet0:7:b MAC any 02:ff:60:10:bf:1e mac-type 0x0806", Comment: "ioc main-web vnet0"},
		{Number: 30001, Body: "deny ip from any to any layer2 out xmit vnet0:7:b", Comment: ""},
	}
	if got := ParseIpfwList(text); !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v", got)
	}
	if got := ParseIpfwList(""); got != nil {
		t.Fatalf("%+v", got)
	}
}

func TestIpfwText(t *testing.T) {
	got := IpfwText(29, []kernel.IpfwRule{{Number: 30001, Body: "deny ip from any to any", Comment: "ioc x"}, {Number: 30002, Body: "count ip from any to any", Comment: ""}})
	if want := "add 30001 set 29 deny ip from any to any // ioc x\nadd 30002 set 29 count ip from any to any\n"; got != want {
		t.Fatalf("%q", got)
	}
}

func TestParsePfStates(t *testing.T) {
	text := `all tcp 192.0.2.12:80 (198.51.100.1:8080) <- 198.51.100.2:47407       ESTABLISHED:ESTABLISHED
   [1 + 2] wscale 6  [3 + 4] wscale 6
   age 00:00:01, expires in 24:00:00, 3:2 pkts, 1:1 bytes, rule 0
   id: 547d016b00000001 creatorid: e149dd26
all tcp 198.51.100.2:47407 -> 192.0.2.120:80       ESTABLISHED:ESTABLISHED
   id: 547d016b00000002 creatorid: e149dd26
all tcp 198.51.100.2:47407 -> 192.0.2.12:80       ESTABLISHED:ESTABLISHED
   id: 547d016b00000003 creatorid: e149dd26
all tcp 2001:db8::10[80] <- 2001:db8::2[4711]       ESTABLISHED:ESTABLISHED
   id: 547d016b00000004 creatorid: e149dd26
`
	for addr, want := range map[string][]string{
		"192.0.2.12":   {"547d016b00000001/e149dd26", "547d016b00000003/e149dd26"},
		"2001:db8::10": {"547d016b00000004/e149dd26"},
		"192.0.2.1":    nil,
	} {
		if got := ParsePfStates(text, netip.MustParseAddr(addr)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", addr, got, want)
		}
	}
}

func TestParsePfStatus(t *testing.T) {
	for text, want := range map[string]bool{
		"Status: Enabled for 0 days 00:00:01           Debug: Urgent\n": true,
		"No ALTQ support in kernel\nStatus: Disabled\n":                 false,
		"": false,
	} {
		if got := ParsePfStatus(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	got := ParsePfAnchorLines("nat-anchor \"ioc/*\" all\nrdr-anchor \"ioc/*\" all\nnat on em0 all -> (em0)\nanchor \"ioc/*\" all\n")
	if len(got) != 3 {
		t.Fatalf("%q", got)
	}
}

func TestParseAddressState(t *testing.T) {
	text := "vnet0: flags=8863<UP> metric 0 mtu 1500\n\tinet6 fe80::ff%vnet0 prefixlen 64 tentative scopeid 0x2\n" +
		"\tinet6 2001:db8::1/64 autoconf duplicated\n\tinet6 2001:db8::2 prefixlen 64\n"
	for addr, want := range map[string]kernel.AddressState{
		"fe80::ff":    {Tentative: true},
		"2001:db8::1": {Duplicated: true, Autoconf: true},
		"2001:db8::2": {},
	} {
		got, ok := ParseAddressState(text, netip.MustParseAddr(addr))
		if !ok || got != want {
			t.Errorf("%s: %+v %v", addr, got, ok)
		}
	}
	if _, ok := ParseAddressState(text, netip.MustParseAddr("2001:db8::3")); ok {
		t.Error("found an address that does not exist")
	}
}
