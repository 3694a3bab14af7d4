package abi

import (
	"net/netip"
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

// FuzzKernelAnswers gives every parser of binary answers any bytes.
func FuzzKernelAnswers(f *testing.F) {
	f.Add([]byte{})
	f.Add(Ifreq("epair0a"))
	f.Add(RouteMessage(RTMGet, kernel.Route{Dest: netip.MustParsePrefix("::/0"), Gateway: netip.MustParseAddr("fe80::1")}, 2, 1))
	f.Add(ifInfo("epair0a", 1, 2, 3, 4))
	f.Add(make([]byte, kinfoSize))
	f.Add(make([]byte, StatfsSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		ParseIfconf(b)
		ParseIfList(b)
		for _, p := range ParseKinfo(b) {
			if !SameProcess(p.Process, p.Process) {
				t.Errorf("%+v", p)
			}
		}
		if got := len(ParseStatfsList(b)); got != len(b)/StatfsSize {
			t.Errorf("%d mounts in %d bytes", got, len(b))
		}
		for _, r := range ParseRoutes(b) {
			if !r.Dest.Addr().IsValid() {
				t.Errorf("%+v", r)
			}
		}
		if len(b) >= DevfsRuleSize {
			DecodeDevfsRule(b[:DevfsRuleSize])
		}
	})
}
