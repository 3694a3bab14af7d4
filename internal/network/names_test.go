package network

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/kernel"
)

// TestFindNames: a nic keeps the names that it has, and a name that somebody else has is
// not taken.
func TestFindNames(t *testing.T) {
	n := NIC{Name: "vnet0", Index: 1, JailMAC: "02:ff:60:10:bf:1e"}
	end := func(name, jail string) kernel.Interface {
		return kernel.Interface{Name: name, Description: Description(jail, n), Groups: []string{"epair", Group}}
	}
	vlan := kernel.Interface{Name: "vnet0.7", Groups: []string{"vlan"}}
	dot := Names{"vnet0.7", "vnet0.7.a", "vnet0.7.b", "vnet0.7.net"}
	colon := Names{"vnet0:7", "vnet0:7:a", "vnet0:7:b", "vnet0:7:net"}
	short := Names{"i7.1", "i7.1a", "i7.1b", "i7.1n"}
	for name, row := range map[string]struct {
		list []kernel.Interface
		want Names
	}{
		"none yet":             {nil, dot},
		"there":                {[]kernel.Interface{end("vnet0.7", "ioc-web")}, dot},
		"of an earlier form":   {[]kernel.Interface{end("vnet0:7", "ioc-web")}, colon},
		"of another jail":      {[]kernel.Interface{end("vnet0:7", "ioc-db")}, dot},
		"a vlan":               {[]kernel.Interface{vlan}, short},
		"short beside a vlan":  {[]kernel.Interface{vlan, end("i7.1", "ioc-web")}, short},
		"short, the vlan gone": {[]kernel.Interface{end("i7.1", "ioc-web")}, short},
	} {
		require.Equal(t, row.want, FindNames(row.list, "ioc-web", n, 7), name)
	}
}

// TestNamesOfAnEarlierForm: a nic that has libioc's name is whole and is repaired under it;
// made anew it gets today's.
func TestNamesOfAnEarlierForm(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	s := r.spec(map[string]string{"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|10.0.0.5/24"})
	require.NoError(t, r.ensure(ctx, Spec{}, s))
	const old = "vnet0:1"
	require.NoError(t, r.InterfaceRename(ctx, "vnet0.1", old))
	r.requireWhole(s)

	require.NoError(t, r.InterfaceSetUp(ctx, old, false))
	was := r.index(old)
	require.NoError(t, r.ensure(ctx, s, s))
	r.requireWhole(s)
	require.Equal(t, was, r.index(old))

	require.NoError(t, r.InterfaceDestroy(ctx, old))
	require.NoError(t, r.ensure(ctx, s, s))
	r.requireWhole(s)
	require.NotZero(t, r.index("vnet0.1"))
}
