package sysadm

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// originAllowed keeps web pages of other sites out, on both transports: a
// browser sends where a page came from, programs send nothing.
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

// isUpgrade tells whether a request wants to become a WebSocket.
func isUpgrade(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}
