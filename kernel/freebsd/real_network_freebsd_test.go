//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/libioc/go-libioc/kernel"
)

// findIf returns an interface by name.
func findIf(t *testing.T, n kernel.Network, name string) (kernel.Interface, bool) {
	t.Helper()
	list, err := n.Interfaces(context.Background())
	check(t, err)
	i := slices.IndexFunc(list, func(nic kernel.Interface) bool { return nic.Name == name })
	if i < 0 {
		return kernel.Interface{}, false
	}
	return list[i], true
}

// realEpair makes an epair with names of its own and destroys it at the end.
func realEpair(t *testing.T, k *system, a, b string) {
	t.Helper()
	ctx := context.Background()
	name, err := k.InterfaceCreate(ctx, "epair")
	check(t, err)
	if !strings.HasPrefix(name, "epair") || !strings.HasSuffix(name, "a") {
		t.Fatalf("created %q", name)
	}
	check(t, k.InterfaceRename(ctx, strings.TrimSuffix(name, "a")+"b", b))
	check(t, k.InterfaceRename(ctx, name, a))
	t.Cleanup(func() {
		if err := k.InterfaceDestroy(ctx, a); err != nil {
			t.Error(err)
		}
	})
}

func TestRealInterfaces(t *testing.T) {
	ctx := context.Background()
	k := realKernel(t)
	realEpair(t, k, "kta", "ktb")
	mac := net.HardwareAddr{2, 0xff, 0x60, 0, 0x0a, 0x0b}
	check(t, k.InterfaceSetMAC(ctx, "kta", mac))
	check(t, k.InterfaceSetMTU(ctx, "kta", 1400))
	check(t, k.InterfaceSetDescription(ctx, "kta", strings.Repeat("d", 300)))
	check(t, k.InterfaceAddGroup(ctx, "kta", "ktgroup"))
	check(t, k.InterfaceSetUp(ctx, "kta", true))
	check(t, k.AddressAdd(ctx, "kta", kernel.Address{Prefix: mustPrefix("192.0.2.10/24")}))
	check(t, k.AddressAdd(ctx, "kta", kernel.Address{Prefix: mustPrefix("2001:db8:77::10/64"), NoDAD: true}))
	nic, ok := findIf(t, k, "kta")
	if !ok || !nic.Up || nic.MTU != 1400 || nic.MAC.String() != mac.String() || nic.Description != strings.Repeat("d", 300) ||
		!slices.Contains(nic.Groups, "ktgroup") || !slices.Contains(nic.Groups, "epair") || nic.Index == 0 ||
		!slices.Contains(nic.Addrs, mustPrefix("192.0.2.10/24")) || !slices.Contains(nic.Addrs, mustPrefix("2001:db8:77::10/64")) {
		t.Errorf("%+v", nic)
	}
	if c, err := net.ListenTCP("tcp6", &net.TCPAddr{IP: net.ParseIP("2001:db8:77::10")}); err != nil {
		t.Errorf("the address is not ready at once: %v", err)
	} else {
		c.Close()
	}
	check(t, k.AddressDelete(ctx, "kta", mustAddr("192.0.2.10")))
	wantErr(t, k.AddressDelete(ctx, "kta", mustAddr("192.0.2.10")), kernel.ErrNotFound, syscall.EADDRNOTAVAIL)
	check(t, k.AddressDelete(ctx, "kta", mustAddr("2001:db8:77::10")))
	check(t, k.InterfaceDeleteGroup(ctx, "kta", "ktgroup"))
	check(t, k.InterfaceSetDescription(ctx, "kta", ""))
	check(t, k.InterfaceSetUp(ctx, "kta", false))
	nic, _ = findIf(t, k, "kta")
	if nic.Up || nic.Description != "" || slices.Contains(nic.Groups, "ktgroup") {
		t.Errorf("after taking away %+v", nic)
	}
	vlan, err := k.InterfaceCreate(ctx, "vlan")
	check(t, err)
	check(t, k.InterfaceSetVLAN(ctx, vlan, kernel.VLAN{Parent: "kta", Tag: 77}))
	check(t, k.InterfaceDestroy(ctx, vlan))
	for what, err := range map[string]error{
		"up":       k.InterfaceSetUp(ctx, "ktnosuch", true),
		"destroy":  k.InterfaceDestroy(ctx, "ktnosuch"),
		"address":  k.AddressAdd(ctx, "ktnosuch", kernel.Address{Prefix: mustPrefix("192.0.2.1/24")}),
		"address6": k.AddressAdd(ctx, "ktnosuch", kernel.Address{Prefix: mustPrefix("2001:db8::1/64"), NoDAD: true}),
	} {
		if !errors.Is(err, kernel.ErrNotFound) || !errors.Is(err, syscall.ENXIO) {
			t.Errorf("%s: %v", what, err)
		}
	}
	wantErr(t, k.InterfaceRename(ctx, "kta", "ktb"), kernel.ErrExists, syscall.EEXIST)
	wantErr(t, k.InterfaceRename(ctx, "kta", "sixteencharacter"), syscall.ENAMETOOLONG)
	_, err = k.InterfaceCreate(ctx, "ktnodriver")
	wantErr(t, err, syscall.EINVAL)
}

func TestRealBridge(t *testing.T) {
	ctx := context.Background()
	k := realKernel(t)
	realEpair(t, k, "ktc", "ktd")
	bridge, err := k.InterfaceCreate(ctx, "bridge")
	check(t, err)
	t.Cleanup(func() { check(t, k.InterfaceDestroy(ctx, bridge)) })
	members := func(want ...string) {
		t.Helper()
		got, err := k.BridgeMembers(ctx, bridge)
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("members %q %v", got, err)
		}
	}
	members()
	mac := net.HardwareAddr{2, 0xff, 0x60, 0, 0x0c, 0x0d}
	wantErr(t, k.BridgeStatic(ctx, bridge, "ktc", mac), kernel.ErrNotFound)
	check(t, k.BridgeAdd(ctx, bridge, "ktc"))
	check(t, k.BridgeAdd(ctx, bridge, "ktd"))
	members("ktc", "ktd")
	wantErr(t, k.BridgeAdd(ctx, bridge, "ktc"), kernel.ErrExists)
	check(t, k.BridgeStatic(ctx, bridge, "ktc", mac))
	check(t, k.BridgeStatic(ctx, bridge, "ktd", mac)) // moves the entry
	check(t, k.BridgeDelete(ctx, bridge, "ktc"))
	wantErr(t, k.BridgeDelete(ctx, bridge, "ktc"), kernel.ErrNotFound)
	members("ktd")
	_, err = k.BridgeMembers(ctx, "ktnosuch")
	wantErr(t, err, kernel.ErrNotFound)
}

func TestRealRoutes(t *testing.T) {
	ctx := context.Background()
	k := realKernel(t)
	realEpair(t, k, "kte", "ktf")
	check(t, k.InterfaceSetUp(ctx, "kte", true))
	check(t, k.AddressAdd(ctx, "kte", kernel.Address{Prefix: mustPrefix("192.0.2.10/24")}))
	check(t, k.AddressAdd(ctx, "kte", kernel.Address{Prefix: mustPrefix("2001:db8:78::10/64"), NoDAD: true}))
	testRoutes(t, k, "kte", "2001:db8:78::1")
}

// testRoutes adds and deletes routes of every kind in a stack.
func testRoutes(t *testing.T, n kernel.Network, nic, gateway6 string) {
	t.Helper()
	ctx := context.Background()
	for _, r := range []kernel.Route{
		{Dest: mustPrefix("198.51.100.0/24"), Gateway: mustAddr("192.0.2.1")},
		{Dest: mustPrefix("203.0.113.9/32"), Gateway: mustAddr("192.0.2.1")},
		{Dest: mustPrefix("198.18.0.0/15"), Gateway: mustAddr("10.99.99.1"), Interface: nic},
		{Dest: mustPrefix("203.0.113.64/26"), Interface: nic},
		{Dest: mustPrefix("2001:db8:99::/48"), Gateway: mustAddr(gateway6)},
		{Dest: mustPrefix("2001:db8:98::/48"), Gateway: mustAddr("fe80::1"), Interface: nic},
		{Dest: mustPrefix("2001:db8:97::/48"), Gateway: mustAddr("fe80::1%" + nic)},
	} {
		if err := n.RouteAdd(ctx, r); err != nil {
			t.Errorf("%+v: %v", r, err)
			continue
		}
		wantErr(t, n.RouteAdd(ctx, r), kernel.ErrExists, syscall.EEXIST)
		list, err := n.Routes(ctx, 0)
		check(t, err)
		i := slices.IndexFunc(list, func(have kernel.Route) bool { return have.Dest == r.Dest })
		if i < 0 || list[i].Gateway != r.Gateway.WithZone("") || list[i].Interface != nic {
			t.Errorf("%+v is not in %+v", r, list)
		}
		check(t, n.RouteDelete(ctx, r))
		wantErr(t, n.RouteDelete(ctx, r), kernel.ErrNotFound, syscall.ESRCH)
	}
	list, err := n.Routes(ctx, 0)
	check(t, err)
	for _, r := range list {
		if r.Interface == nic && (r.Gateway.IsValid() || r.Dest.IsSingleIP() || r.Dest == mustPrefix("203.0.113.64/26")) {
			t.Errorf("left behind: %+v", r)
		}
	}
	if !slices.ContainsFunc(list, func(r kernel.Route) bool { return r.Dest == mustPrefix("192.0.2.0/24") && r.Interface == nic }) {
		t.Errorf("the attached prefix is not in %+v", list)
	}
	wantErr(t, n.RouteAdd(ctx, kernel.Route{Dest: mustPrefix("198.51.100.0/24"), Gateway: mustAddr("10.98.98.1")}), syscall.ENETUNREACH)
	wantErr(t, n.RouteAdd(ctx, kernel.Route{Dest: mustPrefix("198.51.100.0/24"), Interface: "ktnosuch"}), kernel.ErrNotFound)
	if err := n.RouteAdd(ctx, kernel.Route{Dest: mustPrefix("198.51.100.0/24")}); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a route to nowhere: %v", err)
	}
}

// TestRealVnet configures a jail's own stack from the host: by sockets of the
// re-executed test program, and by the base system's tools.
func TestRealVnet(t *testing.T) {
	k := realKernel(t)
	f, err := k.Features(context.Background())
	check(t, err)
	if !f.VIMAGE {
		t.Skip("the kernel has no VIMAGE: kern.features.vimage does not exist")
	}
	t.Run("sockets", func(t *testing.T) {
		testVnet(t, k, func(id kernel.Identity) kernel.Network { return k.In(id) })
		if !childEnabled.Load() {
			t.Error("TestMain did not call Main")
		}
	})
	t.Run("tools", func(t *testing.T) {
		testVnet(t, k, func(id kernel.Identity) kernel.Network { return netTools{k: k, id: id} })
	})
}

func testVnet(t *testing.T, k *system, in func(kernel.Identity) kernel.Network) {
	ctx := context.Background()
	id := realJail(t, k, "kvnet", "/", kernel.Jailsys("vnet", kernel.JailSysNew))
	realEpair(t, k, "ktg", "kth")
	check(t, k.InterfaceSetUp(ctx, "ktg", true))
	check(t, k.InterfaceToVnet(ctx, "kth", id))
	wantErr(t, k.InterfaceToVnet(ctx, "kth", id), kernel.ErrNotFound, syscall.ENXIO)
	if _, ok := findIf(t, k, "kth"); ok {
		t.Error("still on the host")
	}
	n := in(id)
	mac := net.HardwareAddr{2, 0xff, 0x60, 0, 0x0e, 0x0f}
	check(t, n.InterfaceSetMAC(ctx, "kth", mac))
	check(t, n.InterfaceRename(ctx, "kth", "vnet0"))
	check(t, n.InterfaceSetMTU(ctx, "vnet0", 1400))
	check(t, n.InterfaceSetDescription(ctx, "vnet0", "a jail's own"))
	check(t, n.InterfaceSetUp(ctx, "vnet0", true))
	check(t, n.AddressAdd(ctx, "vnet0", kernel.Address{Prefix: mustPrefix("192.0.2.20/24")}))
	check(t, n.AddressAdd(ctx, "vnet0", kernel.Address{Prefix: mustPrefix("2001:db8:79::20/64"), NoDAD: true}))
	check(t, n.AddressAdd(ctx, "lo0", kernel.Address{Prefix: mustPrefix("127.0.0.1/8")}))
	check(t, n.InterfaceSetUp(ctx, "lo0", true))
	nic, ok := findIf(t, n, "vnet0")
	if !ok || !nic.Up || nic.MTU != 1400 || nic.MAC.String() != mac.String() || nic.Description != "a jail's own" || nic.Index == 0 ||
		!slices.Contains(nic.Addrs, mustPrefix("192.0.2.20/24")) || !slices.Contains(nic.Addrs, mustPrefix("2001:db8:79::20/64")) {
		t.Errorf("%+v", nic)
	}
	if _, ok := findIf(t, k, "vnet0"); ok {
		t.Error("the host sees the jail's interface")
	}
	wantErr(t, n.InterfaceSetUp(ctx, "ktg", true), kernel.ErrNotFound)
	hostRoutes, err := k.Routes(ctx, 0)
	check(t, err)
	testRoutes(t, n, "vnet0", "2001:db8:79::1")
	check(t, n.RouteAdd(ctx, kernel.Route{Dest: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Gateway: mustAddr("192.0.2.1")}))
	check(t, n.RouteAdd(ctx, kernel.Route{Dest: netip.PrefixFrom(netip.IPv6Unspecified(), 0), Gateway: mustAddr("2001:db8:79::1")}))
	list, err := n.Routes(ctx, 0)
	check(t, err)
	defaults := 0
	for _, r := range list {
		if r.Dest.Bits() == 0 && r.Interface == "vnet0" {
			defaults++
		}
	}
	if defaults != 2 {
		t.Errorf("routes in the jail %+v", list)
	}
	if after, err := k.Routes(ctx, 0); err != nil || !slices.Equal(hostRoutes, after) {
		t.Errorf("the host's routes were %+v, are %+v, %v", hostRoutes, after, err)
	}
	check(t, n.AddressDelete(ctx, "vnet0", mustAddr("192.0.2.20")))
	wantErr(t, n.AddressDelete(ctx, "vnet0", mustAddr("192.0.2.20")), kernel.ErrNotFound)

	bridge, err := n.InterfaceCreate(ctx, "bridge")
	check(t, err)
	check(t, n.BridgeAdd(ctx, bridge, "vnet0"))
	check(t, n.BridgeStatic(ctx, bridge, "vnet0", mac))
	if members, err := n.BridgeMembers(ctx, bridge); err != nil || !slices.Equal(members, []string{"vnet0"}) {
		t.Errorf("members %q %v", members, err)
	}
	check(t, n.BridgeDelete(ctx, bridge, "vnet0"))
	check(t, n.InterfaceDestroy(ctx, bridge))

	// The way back, under the name it has inside.
	check(t, n.InterfaceRename(ctx, "vnet0", "kth"))
	check(t, k.InterfaceFromVnet(ctx, "kth", id))
	if _, ok := findIf(t, k, "kth"); !ok {
		t.Error("not back on the host")
	}
	check(t, k.JailRemove(ctx, id))
	start := time.Now()
	waitGone(t, k, id)
	if took := time.Since(start); took > 900*time.Millisecond {
		t.Errorf("sockets of ours kept the jail dying for %v", took)
	}
	_, err = n.Interfaces(ctx)
	wantErr(t, err, kernel.ErrNotFound)
	if len(k.vnets) != 0 {
		t.Errorf("sockets kept: %v", k.vnets)
	}
}
