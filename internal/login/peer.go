package login

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks of the proxies that a server trusts: each appends to
// X-Forwarded-For the address that it was asked from.
type Proxies []netip.Prefix

// Peer returns the client's address without its port. Of a request that a trusted proxy
// sends it is the rightmost address of X-Forwarded-For that is not a trusted proxy; what
// is left of that may be forged. From anybody else the header does not count.
func (p Proxies) Peer(r *http.Request) string {
	peer := r.RemoteAddr // a socket in the file system has no port
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		peer = host
	}
	addr, err := netip.ParseAddr(peer)
	if err != nil || !p.trust(addr) {
		return peer
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, ok := hopAddr(strings.TrimSpace(hop))
		if !ok {
			break // such as "unknown": the proxy that says so answers for it
		}
		if peer = addr.String(); !p.trust(addr) {
			break
		}
	}
	return peer
}

func (p Proxies) trust(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(p, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// hopAddr reads an address of X-Forwarded-For. Some proxies write a port after it.
func hopAddr(hop string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(hop, "["), "]"))
	if err != nil {
		var with netip.AddrPort
		with, err = netip.ParseAddrPort(hop)
		addr = with.Addr()
	}
	return addr.Unmap().WithZone(""), err == nil
}
