package config

import (
	"net/netip"
	"strings"
)

// StaticRoute is a route beside the default ones.
type StaticRoute struct {
	Dest    netip.Prefix
	Gateway Gateway
}

// ParseStaticRoutes reads a comma separated list of NETWORK/LENGTH=GATEWAY[@NIC]. Bits
// beyond the length are cleared. Errors wrap ErrInvalidValue.
func ParseStaticRoutes(text string) ([]StaticRoute, error) {
	if isNone(text) {
		return nil, nil
	}
	var list []StaticRoute
	for item := range strings.SplitSeq(text, ",") {
		network, gateway, ok := strings.Cut(strings.TrimSpace(item), "=")
		dest, err := netip.ParsePrefix(network)
		if err != nil || !ok {
			return nil, invalid("%q is not NETWORK/LENGTH=GATEWAY[@NIC]", item)
		}
		g, err := ParseGateway(gateway, dest.Addr().Is6())
		if err != nil || g.Auto {
			return nil, invalid("%q: no gateway of the network's family", item)
		}
		list = append(list, StaticRoute{dest.Masked(), g})
	}
	return list, nil
}

// String is the form that ParseStaticRoutes reads.
func (r StaticRoute) String() string { return r.Dest.String() + "=" + r.Gateway.String() }
