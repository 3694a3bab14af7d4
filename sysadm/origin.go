package sysadm

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// originAllowed rejects web pages of other sites, on both transports: browsers send
// the origin of a page, SCHEME://HOST[:PORT] or null. Programs send none, or a word of
// their own: SysAdm's client sends sysadm-client.
func (s *Server) originAllowed(r *http.Request) bool {
	list := r.Header.Values("Origin")
	if len(list) == 0 {
		return true
	}
	if len(list) > 1 {
		return false
	}
	if word := list[0]; !strings.Contains(word, ":") {
		return !strings.EqualFold(strings.TrimSpace(word), "null")
	}
	u, err := url.Parse(list[0])
	if err != nil || u.Host == "" {
		return false
	}
	same := func(host string) bool { return strings.EqualFold(host, u.Host) }
	return same(r.Host) || slices.ContainsFunc(s.opts.Origins, same)
}

// isUpgrade reports whether a request asks for a WebSocket.
func isUpgrade(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}
