package jail_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/jail"
)

// TestNoAddressOfTheHostsOwn: (em0:0) names the first address of em0. Where the host has
// none of its own, that is another jail's, and NAT and forwards took it.
func TestNoAddressOfTheHostsOwn(t *testing.T) {
	for _, c := range []struct {
		name, key, value string
	}{
		{"NAT", "user.nat", "em0"},
		{"forward", "user.forwards", "443:443@em0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, own := range []bool{true, false} {
				h, a := withNet(t, map[string]string{"ip4_addr": "em0|192.0.2.9/24"})
				ctx := t.Context()
				b := newJail(t, h, "b", false, map[string]string{"ip4_addr": "lo0|10.0.0.5/32", c.key: c.value})
				if own {
					start(t, b)
					require.NotEmpty(t, anchorOf(t, h, b))
					continue
				}
				require.NoError(t, h.Sim.AddressDelete(ctx, "em0", netip.MustParseAddr("192.0.2.1")))
				require.Equal(t, []string{"192.0.2.9/24"}, addresses(t, h.Sim, "em0"))
				_, err := b.Start(ctx, jail.StartOptions{})
				require.ErrorIs(t, err, jail.ErrConfig)
				require.ErrorContains(t, err, "address of the host's own")
				require.Empty(t, anchorOf(t, h, b))
				requireRunning(t, a, true)
			}
		})
	}
}
