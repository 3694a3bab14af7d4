package precheck

import (
	"net/netip"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

// Route refuses a route that no message can carry and takes the interface
// out of a gateway like fe80::1%vnet0.
func Route(op string, r kernel.Route) (kernel.Route, error) {
	refuse := func(msg string) (kernel.Route, error) {
		return r, &kernel.CallError{Op: op, Subject: r.Dest.String(), Errno: syscall.EINVAL, Msg: msg}
	}
	switch {
	case !r.Dest.IsValid():
		return refuse("no destination")
	case r.Gateway.IsValid() && r.Gateway.Is4() != r.Dest.Addr().Is4():
		return refuse("destination and gateway are of two address families")
	}
	if zone := r.Gateway.Zone(); zone != "" {
		if r.Interface == "" {
			r.Interface = zone
		}
		r.Gateway = r.Gateway.WithZone("")
	}
	if op == "RTM_ADD" && !r.Gateway.IsValid() && r.Interface == "" {
		return refuse("neither gateway nor interface")
	}
	if r.Gateway.IsLinkLocalUnicast() && r.Gateway.Is6() && r.Interface == "" {
		return refuse("a link-local gateway needs its interface")
	}
	return r, nil
}

// ViaOffLink tells whether the gateway may be in no attached prefix, so that it
// is reached by a host route through the interface.
func ViaOffLink(r kernel.Route) bool {
	return r.Gateway.IsValid() && r.Interface != "" && !(r.Gateway.Is6() && r.Gateway.IsLinkLocalUnicast())
}

// ToGateway is that host route.
func ToGateway(r kernel.Route) kernel.Route {
	return kernel.Route{Dest: netip.PrefixFrom(r.Gateway, r.Gateway.BitLen()), Interface: r.Interface, FIB: r.FIB}
}

// OutOfReach is what a refusal with ENETUNREACH says.
func OutOfReach(r kernel.Route) string {
	return "gateway " + r.Gateway.String() + " is in no attached prefix"
}

// DriverName takes the unit off "epair7".
func DriverName(s string) string {
	end := 0
	for end < len(s) && (s[end] < '0' || s[end] > '9') && s[end] != '/' && s[end] != '.' {
		end++
	}
	return s[:end]
}

// through is the interface that is part of the route itself: when there is no
// gateway, or a link-local one.
func RouteThrough(r kernel.Route) string {
	if ViaOffLink(r) {
		return ""
	}
	return r.Interface
}
