package jail_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
)

// description is that of an interface of the host, which must exist.
func description(t *testing.T, h *simhost.Host, name string) string {
	t.Helper()
	list, err := h.Kernel.Interfaces(t.Context())
	require.NoError(t, err)
	for _, i := range list {
		if i.Name == name {
			return i.Description
		}
	}
	require.Fail(t, "destroyed: the host's "+name)
	return ""
}

// TestMovedInterfaceComesHomeWithAMark: root of a VNET jail gave an interface of the host
// the mark of another jail, and that jail's Stop and Recover destroyed it, or failed with
// EINVAL for one that was not cloned, as every later Start did.
func TestMovedInterfaceComesHomeWithAMark(t *testing.T) {
	for _, c := range []struct {
		what, name, mark string
		byHand           bool // the jail is removed by somebody else
	}{
		{"cloned, of a jail", "tap0", "ioc:ioc-db:vnet0 00:00:00:00:00:01", false},
		{"cloned, of a jail, by hand", "tap0", "ioc:ioc-db:vnet0 00:00:00:00:00:01", true},
		{"cloned, of nobody", "tap0", "ioc:ioc-nobody:vnet0 00:00:00:00:00:01", false},
		{"cloned, of nobody, by hand", "tap0", "ioc:ioc-nobody:vnet0 00:00:00:00:00:01", true},
		{"physical", "em0", "ioc:ioc-db:vnet0 00:00:00:00:00:01", false},
		{"physical, by hand", "em0", "ioc:ioc-db:vnet0 00:00:00:00:00:01", true},
		{"of a bridge", "tap0", "ioc bridge", false},
		{"the operator's", "em0", "uplink", false},
	} {
		t.Run(c.what, func(t *testing.T) {
			ctx := t.Context()
			h := netHost(t)
			if c.name == "tap0" {
				_, err := h.Sim.InterfaceCreate(ctx, c.name)
				require.NoError(t, err)
			}
			evil := newJail(t, h, "evil", false, map[string]string{"vnet": "yes", "vnet_interfaces": c.name})
			start(t, evil)
			db := newJail(t, h, "db", false, map[string]string{"vnet": "yes", "interfaces": "vnet0:bridge0"})
			start(t, db)
			id, err := evil.Identity(ctx)
			require.NoError(t, err)
			require.NoError(t, h.Sim.In(id).InterfaceSetDescription(ctx, c.name, c.mark))
			if c.byHand {
				require.NoError(t, h.Kernel.JailRemove(ctx, id))
				require.Equal(t, c.mark, description(t, h, c.name))
			} else {
				_, err = evil.Stop(ctx, jail.StopOptions{})
				require.NoError(t, err)
			}
			for range 2 {
				_, err = jail.Recover(ctx, h.Host)
				require.NoError(t, err)
				_, err = db.Stop(ctx, jail.StopOptions{})
				require.NoError(t, err)
				start(t, db)
			}
			want := ""
			if c.mark == "uplink" {
				want = c.mark
			}
			require.Equal(t, want, description(t, h, c.name))
		})
	}
}

// TestRenamedInterfaceComesHome: an interface that the jail's root had renamed came back
// under the jail's name for it, or stayed away if the host had that name.
func TestRenamedInterfaceComesHome(t *testing.T) {
	for _, name := range []string{"lan0", "em0", "bridge0"} { // the last two are names of the host's
		for _, byHand := range []bool{false, true} {
			if byHand && name != "lan0" {
				continue // the kernel gives it a name of its own
			}
			ctx := t.Context()
			h := netHost(t)
			_, err := h.Sim.InterfaceCreate(ctx, "tap0")
			require.NoError(t, err)
			before := networkWorld(t, h)
			j := newJail(t, h, "tapped", false, map[string]string{"vnet": "yes", "vnet_interfaces": "tap0"})
			start(t, j)
			id, err := j.Identity(ctx)
			require.NoError(t, err)
			require.NoError(t, h.Sim.In(id).InterfaceRename(ctx, "tap0", name))
			found, err := j.NetworkDifferences(ctx)
			require.NoError(t, err)
			require.NotEmpty(t, found)
			if byHand {
				require.NoError(t, h.Kernel.JailRemove(ctx, id))
				_, err = jail.Recover(ctx, h.Host)
			} else {
				_, err = j.Stop(ctx, jail.StopOptions{})
			}
			require.NoError(t, err)
			requireSame(t, before, networkWorld(t, h))
		}
	}
}
