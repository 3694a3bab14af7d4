package kernel

import (
	"context"
	"iter"
	"net"
	"net/netip"
	"runtime"
)

// unsupported is the kernel of a system that is not FreeBSD: every method fails
// with ErrUnsupported.
type unsupported struct{}

// unsupportedError names the call that was made.
func unsupportedError(op string) error {
	return &CallError{Op: op, Err: ErrUnsupported, Msg: "needs 64-bit FreeBSD 13.2 or later, this is " + runtime.GOOS + "/" + runtime.GOARCH}
}

func (unsupported) JailSet(ctx context.Context, flags SetFlags, params ...Param) (int, error) {
	return 0, unsupportedError("JailSet")
}

func (unsupported) JailGet(ctx context.Context, flags GetFlags, key Param, want ...string) (Params, error) {
	return nil, unsupportedError("JailGet")
}

func (unsupported) JailList(ctx context.Context, flags GetFlags, want ...string) iter.Seq2[Params, error] {
	return func(yield func(Params, error) bool) { yield(nil, unsupportedError("JailList")) }
}

func (unsupported) JailIdentify(ctx context.Context, flags GetFlags, key Param) (Identity, error) {
	return Identity{}, unsupportedError("JailIdentify")
}

func (unsupported) JailRemove(ctx context.Context, id Identity) error {
	return unsupportedError("JailRemove")
}

func (unsupported) JailSetOwned(ctx context.Context, params ...Param) (*OwnedJail, error) {
	return nil, unsupportedError("JailSetOwned")
}

func (unsupported) JailEvents(ctx context.Context) iter.Seq2[JailEvent, error] {
	return func(yield func(JailEvent, error) bool) { yield(JailEvent{}, unsupportedError("JailEvents")) }
}

func (unsupported) JailParams(ctx context.Context) ([]ParamInfo, error) {
	return nil, unsupportedError("JailParams")
}

func (unsupported) Nmount(ctx context.Context, req MountRequest) (Mounted, error) {
	return Mounted{}, unsupportedError("Nmount")
}

func (unsupported) Unmount(ctx context.Context, path string, flags MountFlags) error {
	return unsupportedError("Unmount")
}

func (unsupported) UnmountFSID(ctx context.Context, id FSID, flags MountFlags) error {
	return unsupportedError("UnmountFSID")
}

func (unsupported) Getfsstat(ctx context.Context) ([]Mounted, error) {
	return nil, unsupportedError("Getfsstat")
}

func (unsupported) DevfsRulesets(ctx context.Context) ([]uint16, error) {
	return nil, unsupportedError("DevfsRulesets")
}

func (unsupported) DevfsRules(ctx context.Context, ruleset uint16) ([]DevfsRule, error) {
	return nil, unsupportedError("DevfsRules")
}

func (unsupported) DevfsAddRule(ctx context.Context, ruleset uint16, rule DevfsRule) error {
	return unsupportedError("DevfsAddRule")
}

func (unsupported) DevfsDeleteRules(ctx context.Context, ruleset uint16) error {
	return unsupportedError("DevfsDeleteRules")
}

func (unsupported) DevfsApply(ctx context.Context, path string, ruleset uint16) error {
	return unsupportedError("DevfsApply")
}

func (unsupported) RctlAddRule(ctx context.Context, rule string) error {
	return unsupportedError("RctlAddRule")
}

func (unsupported) RctlRemoveRule(ctx context.Context, filter string) error {
	return unsupportedError("RctlRemoveRule")
}

func (unsupported) RctlGetRules(ctx context.Context, filter string) ([]string, error) {
	return nil, unsupportedError("RctlGetRules")
}

func (unsupported) RctlGetRacct(ctx context.Context, filter string) (map[string]uint64, error) {
	return nil, unsupportedError("RctlGetRacct")
}

func (unsupported) CpusetGet(ctx context.Context, id Identity) ([]int, error) {
	return nil, unsupportedError("CpusetGet")
}

func (unsupported) CpusetSet(ctx context.Context, id Identity, cpus []int) error {
	return unsupportedError("CpusetSet")
}

func (unsupported) Run(ctx context.Context, cmd Command) (Exit, error) {
	return Exit{}, unsupportedError("Run")
}

func (unsupported) ProcessList(ctx context.Context, jid int) ([]Process, error) {
	return nil, unsupportedError("ProcessList")
}

func (unsupported) ProcessSignal(ctx context.Context, p Process, signal int) error {
	return unsupportedError("ProcessSignal")
}

func (unsupported) ProcessWait(ctx context.Context, procs []Process) error {
	return unsupportedError("ProcessWait")
}

func (unsupported) InterfaceCounters(ctx context.Context) ([]InterfaceCounters, error) {
	return nil, unsupportedError("InterfaceCounters")
}

func (unsupported) SysctlString(ctx context.Context, name string) (string, error) {
	return "", unsupportedError("SysctlString")
}

func (unsupported) SysctlInt(ctx context.Context, name string) (int64, error) {
	return 0, unsupportedError("SysctlInt")
}

func (unsupported) Interfaces(ctx context.Context) ([]Interface, error) {
	return nil, unsupportedError("Interfaces")
}

func (unsupported) InterfaceCreate(ctx context.Context, driver string) (string, error) {
	return "", unsupportedError("InterfaceCreate")
}

func (unsupported) InterfaceDestroy(ctx context.Context, name string) error {
	return unsupportedError("InterfaceDestroy")
}

func (unsupported) InterfaceRename(ctx context.Context, name, to string) error {
	return unsupportedError("InterfaceRename")
}

func (unsupported) InterfaceSetUp(ctx context.Context, name string, up bool) error {
	return unsupportedError("InterfaceSetUp")
}

func (unsupported) InterfaceSetMTU(ctx context.Context, name string, mtu int) error {
	return unsupportedError("InterfaceSetMTU")
}

func (unsupported) InterfaceSetMAC(ctx context.Context, name string, mac net.HardwareAddr) error {
	return unsupportedError("InterfaceSetMAC")
}

func (unsupported) InterfaceSetDescription(ctx context.Context, name, text string) error {
	return unsupportedError("InterfaceSetDescription")
}

func (unsupported) InterfaceSetVLAN(ctx context.Context, name string, vlan VLAN) error {
	return unsupportedError("InterfaceSetVLAN")
}

func (unsupported) InterfaceAddGroup(ctx context.Context, name, group string) error {
	return unsupportedError("InterfaceAddGroup")
}

func (unsupported) InterfaceDeleteGroup(ctx context.Context, name, group string) error {
	return unsupportedError("InterfaceDeleteGroup")
}

func (unsupported) InterfaceToVnet(ctx context.Context, name string, id Identity) error {
	return unsupportedError("InterfaceToVnet")
}

func (unsupported) InterfaceFromVnet(ctx context.Context, name string, id Identity) error {
	return unsupportedError("InterfaceFromVnet")
}

func (unsupported) AddressAdd(ctx context.Context, name string, addr Address) error {
	return unsupportedError("AddressAdd")
}

func (unsupported) AddressDelete(ctx context.Context, name string, addr netip.Addr) error {
	return unsupportedError("AddressDelete")
}

func (unsupported) BridgeAdd(ctx context.Context, bridge, member string) error {
	return unsupportedError("BridgeAdd")
}

func (unsupported) BridgeDelete(ctx context.Context, bridge, member string) error {
	return unsupportedError("BridgeDelete")
}

func (unsupported) BridgeMembers(ctx context.Context, bridge string) ([]string, error) {
	return nil, unsupportedError("BridgeMembers")
}

func (unsupported) BridgeStatic(ctx context.Context, bridge, member string, mac net.HardwareAddr) error {
	return unsupportedError("BridgeStatic")
}

func (unsupported) RouteAdd(ctx context.Context, route Route) error {
	return unsupportedError("RouteAdd")
}

func (unsupported) RouteDelete(ctx context.Context, route Route) error {
	return unsupportedError("RouteDelete")
}

func (unsupported) Routes(ctx context.Context, fib int) ([]Route, error) {
	return nil, unsupportedError("Routes")
}

func (unsupported) Features(ctx context.Context) (Features, error) {
	return Features{}, unsupportedError("Features")
}

func (unsupported) BootID(ctx context.Context) (string, error) { return "", unsupportedError("BootID") }

func (unsupported) In(id Identity) Network { return unsupported{} }

func (unsupported) ModuleLoaded(ctx context.Context, name string) (bool, error) {
	return false, unsupportedError("ModuleLoaded")
}

func (unsupported) ModuleLoad(ctx context.Context, name string) error {
	return unsupportedError("ModuleLoad")
}

func (unsupported) SetVnetSysctls(ctx context.Context, id Identity, values ...SysctlValue) error {
	return unsupportedError("SetVnetSysctls")
}

func (unsupported) InterfaceSetND6(ctx context.Context, name string, set, clear ND6Flags) error {
	return unsupportedError("InterfaceSetND6")
}

func (unsupported) AddressState(ctx context.Context, name string, addr netip.Addr) (AddressState, error) {
	return AddressState{}, unsupportedError("AddressState")
}

func (unsupported) IpfwRules(ctx context.Context, set int) ([]IpfwRule, error) {
	return nil, unsupportedError("IpfwRules")
}

func (unsupported) IpfwAdd(ctx context.Context, set int, rules ...IpfwRule) error {
	return unsupportedError("IpfwAdd")
}

func (unsupported) IpfwDelete(ctx context.Context, set int, number int) error {
	return unsupportedError("IpfwDelete")
}

func (unsupported) PfStatus(ctx context.Context) (PfStatus, error) {
	return PfStatus{}, unsupportedError("PfStatus")
}

func (unsupported) PfAnchors(ctx context.Context, parent string) ([]string, error) {
	return nil, unsupportedError("PfAnchors")
}

func (unsupported) PfRules(ctx context.Context, anchor string) ([]string, error) {
	return nil, unsupportedError("PfRules")
}

func (unsupported) PfLoad(ctx context.Context, anchor, rules string) error {
	return unsupportedError("PfLoad")
}

func (unsupported) PfFlush(ctx context.Context, anchor string) error {
	return unsupportedError("PfFlush")
}

func (unsupported) PfKillStates(ctx context.Context, addr netip.Addr) (int, error) {
	return 0, unsupportedError("PfKillStates")
}
