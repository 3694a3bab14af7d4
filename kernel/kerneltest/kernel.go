package kerneltest

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

var kernelCases = []kase{
	{name: "features agree with sysctl", run: func(s *suite) {
		date, err := s.Kernel.SysctlInt(s.ctx, "kern.osreldate")
		s.ok(err)
		equal(s, "kern.osreldate", int(date), s.f.OSRelDate)
		release, err := s.Kernel.SysctlString(s.ctx, "kern.osrelease")
		s.ok(err)
		equal(s, "kern.osrelease", release, s.f.OSRelease)
		machine, err := s.Kernel.SysctlString(s.ctx, "hw.machine")
		s.ok(err)
		equal(s, "hw.machine", machine, s.f.Machine)
		_, err = s.Kernel.SysctlInt(s.ctx, "kern.features.vimage")
		equal(s, "kern.features.vimage is there", err == nil, s.f.VIMAGE)
	}},
	{name: "sysctl of an unknown name", run: func(s *suite) {
		_, err := s.Kernel.SysctlString(s.ctx, "kern.no_such_node")
		s.fails(err, kernel.ErrNotFound, syscall.ENOENT)
		_, err = s.Kernel.SysctlInt(s.ctx, "kern.no_such_node")
		s.fails(err, kernel.ErrNotFound, syscall.ENOENT)
	}},
	{name: "boot id stays", run: func(s *suite) {
		a, err := s.Kernel.BootID(s.ctx)
		s.ok(err)
		b, err := s.Kernel.BootID(s.ctx)
		s.ok(err)
		if a == "" || a != b {
			s.Fatalf("boot ids %q and %q", a, b)
		}
	}},
	{name: "an ended context does nothing", run: endedContext},
}

// endedContext gives every method a context that has ended.
func endedContext(s *suite) {
	k := s.Kernel
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	dir := s.mkdir("d")
	id := kernel.Identity{JID: 1, Name: "kerneltest"}
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	prefix := netip.MustParsePrefix("192.0.2.1/24")
	route := kernel.Route{Dest: netip.MustParsePrefix("198.51.100.0/24"), Gateway: prefix.Addr()}
	rule := "jail:kerneltest:maxproc:deny=10"
	one := func(_ any, err error) error { return err }
	for name, call := range map[string]func() error{
		"Features":     func() error { return one(k.Features(ctx)) },
		"BootID":       func() error { return one(k.BootID(ctx)) },
		"ModuleLoad":   func() error { return k.ModuleLoad(ctx, "tmpfs") },
		"ModuleLoaded": func() error { return one(k.ModuleLoaded(ctx, "tmpfs")) },
		"SysctlString": func() error { return one(k.SysctlString(ctx, "kern.osrelease")) },
		"SysctlInt":    func() error { return one(k.SysctlInt(ctx, "kern.osreldate")) },
		"JailSet": func() error {
			return one(k.JailSet(ctx, kernel.JailCreate, kernel.String("name", "kerneltest"), kernel.String("path", dir), kernel.Bool("persist", true)))
		},
		"JailGet":      func() error { return one(k.JailGet(ctx, 0, kernel.ByLastJID(0), "name")) },
		"JailIdentify": func() error { return one(k.JailIdentify(ctx, 0, kernel.ByLastJID(0))) },
		"JailList": func() error {
			for _, err := range k.JailList(ctx, 0) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"JailRemove": func() error { return k.JailRemove(ctx, id) },
		"JailSetOwned": func() error {
			return one(k.JailSetOwned(ctx, kernel.String("path", dir), kernel.Bool("persist", true)))
		},
		"JailEvents": func() error {
			for _, err := range k.JailEvents(ctx) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"JailParams":              func() error { return one(k.JailParams(ctx)) },
		"Nmount":                  func() error { return one(k.Nmount(ctx, kernel.MountRequest{Type: "tmpfs", Path: dir})) },
		"Unmount":                 func() error { return k.Unmount(ctx, dir, 0) },
		"UnmountFSID":             func() error { return k.UnmountFSID(ctx, kernel.FSID{}, 0) },
		"Getfsstat":               func() error { return one(k.Getfsstat(ctx)) },
		"DevfsRulesets":           func() error { return one(k.DevfsRulesets(ctx)) },
		"DevfsRules":              func() error { return one(k.DevfsRules(ctx, rulesetA)) },
		"DevfsAddRule":            func() error { return k.DevfsAddRule(ctx, rulesetA, kernel.DevfsRule{Hide: true}) },
		"DevfsDeleteRules":        func() error { return k.DevfsDeleteRules(ctx, rulesetA) },
		"DevfsApply":              func() error { return k.DevfsApply(ctx, dir, rulesetA) },
		"RctlAddRule":             func() error { return k.RctlAddRule(ctx, rule) },
		"RctlRemoveRule":          func() error { return k.RctlRemoveRule(ctx, rule) },
		"RctlGetRules":            func() error { return one(k.RctlGetRules(ctx, "jail")) },
		"RctlGetRacct":            func() error { return one(k.RctlGetRacct(ctx, "jail:kerneltest")) },
		"CpusetGet":               func() error { return one(k.CpusetGet(ctx, id)) },
		"CpusetSet":               func() error { return k.CpusetSet(ctx, id, []int{0}) },
		"Interfaces":              func() error { return one(k.Interfaces(ctx)) },
		"InterfaceCounters":       func() error { return one(k.InterfaceCounters(ctx)) },
		"InterfaceCreate":         func() error { return one(k.InterfaceCreate(ctx, "epair")) },
		"InterfaceDestroy":        func() error { return k.InterfaceDestroy(ctx, "epair999a") },
		"InterfaceRename":         func() error { return k.InterfaceRename(ctx, "epair999a", "x") },
		"InterfaceSetUp":          func() error { return k.InterfaceSetUp(ctx, "epair999a", true) },
		"InterfaceSetMTU":         func() error { return k.InterfaceSetMTU(ctx, "epair999a", 1400) },
		"InterfaceSetMAC":         func() error { return k.InterfaceSetMAC(ctx, "epair999a", mac) },
		"InterfaceSetDescription": func() error { return k.InterfaceSetDescription(ctx, "epair999a", "x") },
		"InterfaceSetVLAN":        func() error { return k.InterfaceSetVLAN(ctx, "vlan999", kernel.VLAN{Parent: "epair999a", Tag: 5}) },
		"InterfaceAddGroup":       func() error { return k.InterfaceAddGroup(ctx, "epair999a", "kt") },
		"InterfaceDeleteGroup":    func() error { return k.InterfaceDeleteGroup(ctx, "epair999a", "kt") },
		"InterfaceToVnet":         func() error { return k.InterfaceToVnet(ctx, "epair999a", id) },
		"InterfaceFromVnet":       func() error { return k.InterfaceFromVnet(ctx, "epair999a", id) },
		"AddressAdd":              func() error { return k.AddressAdd(ctx, "epair999a", kernel.Address{Prefix: prefix}) },
		"AddressDelete":           func() error { return k.AddressDelete(ctx, "epair999a", prefix.Addr()) },
		"BridgeAdd":               func() error { return k.BridgeAdd(ctx, "bridge999", "epair999a") },
		"BridgeDelete":            func() error { return k.BridgeDelete(ctx, "bridge999", "epair999a") },
		"BridgeMembers":           func() error { return one(k.BridgeMembers(ctx, "bridge999")) },
		"BridgeStatic":            func() error { return k.BridgeStatic(ctx, "bridge999", "epair999a", mac) },
		"RouteAdd":                func() error { return k.RouteAdd(ctx, route) },
		"RouteDelete":             func() error { return k.RouteDelete(ctx, route) },
		"Routes":                  func() error { return one(k.Routes(ctx, 0)) },
		"Run":                     func() error { return one(k.Run(ctx, kernel.Command{Argv: []string{"/bin/echo"}})) },
		"ProcessList":             func() error { return one(k.ProcessList(ctx, 0)) },
		"ProcessSignal":           func() error { return k.ProcessSignal(ctx, kernel.Process{PID: 99998}, 0) },
		"ProcessWait":             func() error { return k.ProcessWait(ctx, []kernel.Process{{PID: 99998}}) },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			s.Errorf("%s: %v, want the context's error", name, err)
		}
	}
}
