package sysadm

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// originAllowed rejects web pages of other sites, on both transports: browsers
// send the origin of a page, programs send none.
func (s *Server) originAllowed(r *http.Request) bool {
	list := r.Header.Values("Origin")
	if len(list) == 0 {
		return true
	}
	u, err := url.Parse(list[0])
	if len(list) > 1 || err != nil || u.Host == "" {
		return false
	}
	same := func(host string) bool { return strings.EqualFold(host, u.Host) }
	return same(r.Host) || slices.ContainsFunc(s.opts.Origins, same)
}

// isUpgrade reports whether a request asks for a WebSocket.
func isUpgrade(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}
