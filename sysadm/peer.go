package sysadm

import (
	"net/http"
	"net/netip"

	"github.com/libioc/go-libioc/internal/login"
)

// peerOf returns the client's address. Failed logins are counted by it.
func (s *Server) peerOf(r *http.Request) string { return login.Proxies(s.opts.TrustedProxies).Peer(r) }

// networkOf returns what counts as one address: an IPv4 address, or the /64 that one
// machine usually has of IPv6.
func networkOf(peer string) string {
	addr, err := netip.ParseAddr(peer)
	if err != nil {
		return peer
	}
	addr = addr.Unmap().WithZone("")
	if prefix, err := addr.Prefix(64); err == nil && addr.Is6() {
		return prefix.String()
	}
	return addr.String()
}
