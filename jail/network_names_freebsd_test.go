package jail_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRealNamesForNetworkSubr: network.subr makes a shell variable of an interface's name.
// With libioc's colon it said "Bad substitution" for each interface of each jail.
func TestRealNamesForNetworkSubr(t *testing.T) {
	h := realHost(t)
	unchanged(t)
	realBridge(t, h)
	for name, nic := range map[string]string{"plain": "vnet0:" + testBridge, "joined": "vnet0:" + testBridge + ",vnet1:" + testBridge} {
		j := vnetJail(t, h, name, 60, map[string]string{"interfaces": nic})
		start(t, j)
		id, err := j.Identity(t.Context())
		require.NoError(t, err)
		script := `. /etc/rc.subr; . /etc/network.subr; load_rc_config netif; ifexists "$1" && get_if_var "$1" ifconfig_IF none`
		out, err := exec.Command("/bin/sh", "-c", script, "sh", hostEnd("vnet0", id)).CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.NotContains(t, string(out), "ubstitution")
		stop(t, j)
	}
}
