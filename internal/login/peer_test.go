package login

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPeer: X-Forwarded-For counts if a trusted proxy sends it, from the right up to the
// first address that is not trusted.
func TestPeer(t *testing.T) {
	trusted := Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/64")}
	for _, c := range []struct {
		remote  string
		forward []string // header lines
		want    string
	}{
		{"192.0.2.1:4711", nil, "192.0.2.1"},
		{"192.0.2.1:4711", []string{"198.51.100.7"}, "192.0.2.1"}, // anybody can send it
		{"10.0.0.1:4711", nil, "10.0.0.1"},
		{"10.0.0.1:4711", []string{""}, "10.0.0.1"},
		{"10.0.0.1:4711", []string{"198.51.100.7"}, "198.51.100.7"},
		{"[::ffff:10.0.0.1]:4711", []string{"198.51.100.7"}, "198.51.100.7"},
		{"[2001:db8::1]:4711", []string{"2001:db8:1::5"}, "2001:db8:1::5"},
		{"10.0.0.1:4711", []string{"203.0.113.1, 198.51.100.7"}, "198.51.100.7"}, // the left one is the client's own
		{"10.0.0.1:4711", []string{"203.0.113.1", "198.51.100.7"}, "198.51.100.7"},
		{"10.0.0.1:4711", []string{"203.0.113.1,198.51.100.7,10.0.0.2 , 10.9.9.9"}, "198.51.100.7"},
		{"10.0.0.1:4711", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"}, // the client is where proxies are
		{"10.0.0.1:4711", []string{"198.51.100.7:2000"}, "198.51.100.7"},
		{"10.0.0.1:4711", []string{"[2001:db8:1::5]:2000"}, "2001:db8:1::5"},
		{"10.0.0.1:4711", []string{"[2001:db8:1::5]"}, "2001:db8:1::5"},
		{"10.0.0.1:4711", []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		{"10.0.0.1:4711", []string{"198.51.100.7, unknown"}, "10.0.0.1"},
		{"10.0.0.1:4711", []string{"198.51.100.7, unknown, 10.0.0.2"}, "10.0.0.2"},
		{"10.0.0.1:4711", []string{"' OR 1=1 --"}, "10.0.0.1"},
		{"@", []string{"198.51.100.7"}, "@"}, // a socket in the file system
	} {
		r := httptest.NewRequest(http.MethodPut, "/", nil)
		r.RemoteAddr = c.remote
		for _, line := range c.forward {
			r.Header.Add("X-Forwarded-For", line)
		}
		require.Equal(t, c.want, trusted.Peer(r), "%s %q", c.remote, c.forward)
	}
}
