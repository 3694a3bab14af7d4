package sysadm_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWrongLoginsBehindAProxy: wrong logins of one client of a trusted proxy do not lock
// out the others, nor does the attacker get around the lock with a header of its own.
// Before, all clients of a proxy were one address.
func TestWrongLoginsBehindAProxy(t *testing.T) {
	w := newWorld(t)
	w.opts.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")}
	w.serve()
	try := func(remote, forward, user, password string) int {
		r := httptest.NewRequest(http.MethodPut, "/sysadm/iocage", strings.NewReader(`{"action":"df"}`))
		r.RemoteAddr = remote + ":4711"
		r.Header.Set("X-Forwarded-For", forward)
		r.SetBasicAuth(user, password)
		rec := httptest.NewRecorder()
		w.server.ServeHTTP(rec, r)
		return rec.Code
	}
	for i := range 20 {
		require.Equal(t, 401, try("10.0.0.1", "203.0.113.5, 198.51.100.66", fmt.Sprint("user", i), "guess"))
	}
	require.Equal(t, 401, try("10.0.0.1", "198.51.100.66", "rita", "atir"), "the attacker is locked out")
	require.Equal(t, 401, try("10.0.0.1", "198.51.100.6, 198.51.100.66", "rita", "atir"))
	require.Equal(t, 200, try("10.0.0.1", "198.51.100.6", "rita", "atir"))
	require.Equal(t, 200, try("10.0.0.1", "203.0.113.5", "rita", "atir"), "whom the attacker names is not locked out")

	// From an untrusted peer the header counts for nothing.
	for i := range 20 {
		require.Equal(t, 401, try("198.51.100.77", "203.0.113.9", fmt.Sprint("user", i), "guess"))
	}
	require.Equal(t, 401, try("198.51.100.77", "203.0.113.10", "rita", "atir"))
	require.Equal(t, 200, try("10.0.0.1", "203.0.113.9", "rita", "atir"))
}

// TestWrongLoginsOfOneNetwork: of IPv6, the /64 that one machine has is one address.
// Before, each of its 2^64 addresses had five guesses.
func TestWrongLoginsOfOneNetwork(t *testing.T) {
	w := newWorld(t)
	w.serve()
	try := func(remote, user, password string) int {
		r := httptest.NewRequest(http.MethodPut, "/sysadm/iocage", strings.NewReader(`{"action":"df"}`))
		r.RemoteAddr = "[" + remote + "]:4711"
		r.SetBasicAuth(user, password)
		rec := httptest.NewRecorder()
		w.server.ServeHTTP(rec, r)
		return rec.Code
	}
	for i := range 20 {
		require.Equal(t, 401, try(fmt.Sprintf("2001:db8::a%x", i), fmt.Sprint("user", i), "guess"))
	}
	require.Equal(t, 401, try("2001:db8::9", "rita", "atir"))
	require.Equal(t, 200, try("2001:db8:0:1::9", "rita", "atir"))
}
