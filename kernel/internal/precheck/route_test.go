package precheck

import (
	"net/netip"
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

func TestCheckRoute(t *testing.T) {
	p, a := netip.MustParsePrefix, netip.MustParseAddr
	for _, c := range []struct {
		route   kernel.Route
		ok      bool
		nic     string
		offLink bool
	}{
		{kernel.Route{Dest: p("0.0.0.0/0"), Gateway: a("192.0.2.1")}, true, "", false},
		{kernel.Route{Dest: p("0.0.0.0/0"), Gateway: a("192.0.2.1"), Interface: "em0"}, true, "em0", true},
		{kernel.Route{Dest: p("::/0"), Gateway: a("fe80::1%em0")}, true, "em0", false},
		{kernel.Route{Dest: p("192.0.2.0/24"), Interface: "em0"}, true, "em0", false},
		{kernel.Route{Dest: p("::/0"), Gateway: a("fe80::1")}, false, "", false},
		{kernel.Route{Dest: p("::/0"), Gateway: a("192.0.2.1")}, false, "", false},
		{kernel.Route{Dest: p("192.0.2.0/24")}, false, "", false},
		{kernel.Route{Gateway: a("192.0.2.1")}, false, "", false},
	} {
		r, err := Route("RTM_ADD", c.route)
		if (err == nil) != c.ok || c.ok && (r.Interface != c.nic || r.Gateway.Zone() != "" || ViaOffLink(r) != c.offLink) {
			t.Errorf("%+v: %+v %v", c.route, r, err)
		}
	}
}

func TestDriverName(t *testing.T) {
	for in, want := range map[string]string{"epair": "epair", "epair7": "epair", "bridge0": "bridge", "../x": "", "7": "", "a/b": "a"} {
		if got := DriverName(in); got != want {
			t.Errorf("%q is %q", in, got)
		}
	}
}
