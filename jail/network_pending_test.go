package jail_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/jail"
)

// TestNetworkWaitsForVNET: a change of vnet waits for the next start. Set failed because it
// gave the running jail the addresses and nics of the other kind of stack at once.
func TestNetworkWaitsForVNET(t *testing.T) {
	shared := map[string]string{"vnet": "no", "ip4_addr": "em0|192.0.2.9/24"}
	own := map[string]string{"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|10.0.0.5/24"}
	for _, c := range []struct {
		name     string
		from, to map[string]string
		parts    bool // vnet first, then the rest
	}{
		{"on", shared, own, false},
		{"on, in parts", shared, own, true},
		{"off", own, shared, false},
		{"off, in parts", own, shared, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := t.Context()
			h := netHost(t)
			before := networkWorld(t, h)
			j := newJail(t, h, "web", false, c.from)
			start(t, j)
			running := networkWorld(t, h)
			require.NotEqual(t, before, running)
			if c.parts {
				_, err := j.Set(ctx, map[string]string{"vnet": c.to["vnet"]}, jail.SetOptions{})
				require.NoError(t, err)
			}
			_, err := j.Set(ctx, c.to, jail.SetOptions{})
			require.NoError(t, err)
			requireSame(t, running, networkWorld(t, h))
			effects, err := j.Effects(ctx, "ip4_addr", "interfaces")
			require.NoError(t, err)
			require.Equal(t, map[string]jail.Effect{"ip4_addr": jail.NextStart, "interfaces": jail.NextStart}, effects)
			_, err = j.Sync(ctx, jail.SyncOptions{})
			var later *jail.RestartRequiredError
			require.ErrorAs(t, err, &later)
			require.Equal(t, []string{"vnet"}, later.Keys)
			requireSame(t, running, networkWorld(t, h))
			_, err = j.Stop(ctx, jail.StopOptions{})
			require.NoError(t, err)
			_, err = jail.Recover(ctx, h.Host)
			require.NoError(t, err)
			requireSame(t, before, networkWorld(t, h))
		})
	}
}
