package sysadm

import (
	"net"
	"net/http"
	"net/netip"
)

// peerOf returns the client's address without its port. Failed logins are counted by
// it.
func peerOf(r *http.Request) string {
	if addr, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return addr
	}
	return r.RemoteAddr // a socket in the file system has no port
}

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
