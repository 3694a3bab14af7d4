package simkernel

import (
	"errors"
	"maps"
	"slices"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
)

// The calls of a [Kernel]: these are all the values of Call.Op, and of Op in a
// fault.Fault. Methods that are not named here make one of these calls:
// JailList makes OpJailGet for each jail.
const (
	OpFeatures = "features" // Features
	OpBootID   = "bootid"   // BootID
	OpSysctl   = "sysctl"   // SysctlString, SysctlInt, InterfaceCounters

	OpJailSet    = "jail_set"    // JailSet, JailSetOwned
	OpJailGet    = "jail_get"    // JailGet, JailList, JailIdentify, JailEvents
	OpJailRemove = "jail_remove" // JailRemove
	OpJailParams = "jail_params" // JailParams

	OpNmount    = "nmount"    // Nmount
	OpUnmount   = "unmount"   // Unmount, UnmountFSID
	OpGetfsstat = "getfsstat" // Getfsstat
	OpReadDir   = "readdir"   // Kernel.ReadDir

	OpDevfsRulesets = "devfs_rulesets" // DevfsRulesets
	OpDevfsRules    = "devfs_rules"    // DevfsRules
	OpDevfsAdd      = "devfs_add"      // DevfsAddRule
	OpDevfsDelete   = "devfs_delete"   // DevfsDeleteRules
	OpDevfsApply    = "devfs_apply"    // DevfsApply

	OpRctlAddRule    = "rctl_add_rule"      // RctlAddRule
	OpRctlRemoveRule = "rctl_remove_rule"   // RctlRemoveRule
	OpRctlGetRules   = "rctl_get_rules"     // RctlGetRules
	OpRctlGetRacct   = "rctl_get_racct"     // RctlGetRacct
	OpCpusetGet      = "cpuset_getaffinity" // CpusetGet
	OpCpusetSet      = "cpuset_setaffinity" // CpusetSet

	OpRun           = "run"            // Run
	OpProcessList   = "process_list"   // ProcessList, ProcessListAll
	OpProcessSignal = "process_signal" // ProcessSignal
	OpProcessWait   = "process_wait"   // ProcessWait

	OpModfind = "modfind" // ModuleLoaded
	OpKldload = "kldload" // ModuleLoad

	OpInterfaces              = "getifaddrs"       // Interfaces
	OpInterfaceCreate         = "SIOCIFCREATE2"    // InterfaceCreate
	OpInterfaceDestroy        = "SIOCIFDESTROY"    // InterfaceDestroy
	OpInterfaceRename         = "SIOCSIFNAME"      // InterfaceRename
	OpInterfaceSetUp          = "SIOCSIFFLAGS"     // InterfaceSetUp
	OpInterfaceSetMTU         = "SIOCSIFMTU"       // InterfaceSetMTU
	OpInterfaceSetMAC         = "SIOCSIFLLADDR"    // InterfaceSetMAC
	OpInterfaceSetDescription = "SIOCSIFDESCR"     // InterfaceSetDescription
	OpInterfaceSetVLAN        = "SIOCSETVLAN"      // InterfaceSetVLAN
	OpInterfaceAddGroup       = "SIOCAIFGROUP"     // InterfaceAddGroup
	OpInterfaceDeleteGroup    = "SIOCDIFGROUP"     // InterfaceDeleteGroup
	OpInterfaceToVnet         = "SIOCSIFVNET"      // InterfaceToVnet
	OpInterfaceFromVnet       = "SIOCSIFRVNET"     // InterfaceFromVnet
	OpInterfaceSetND6         = "SIOCSIFINFO_IN6"  // InterfaceSetND6
	OpAddressAdd              = "SIOCAIFADDR"      // AddressAdd
	OpAddressDelete           = "SIOCDIFADDR"      // AddressDelete
	OpAddressState            = "SIOCGIFAFLAG_IN6" // AddressState
	OpBridgeAdd               = "BRDGADD"          // BridgeAdd
	OpBridgeDelete            = "BRDGDEL"          // BridgeDelete
	OpBridgeMembers           = "BRDGGIFS"         // BridgeMembers
	OpBridgeStatic            = "BRDGSADDR"        // BridgeStatic
	OpRouteAdd                = "RTM_ADD"          // RouteAdd
	OpRouteDelete             = "RTM_DELETE"       // RouteDelete
	OpRoutes                  = "NET_RT_DUMP"      // Routes
	OpVnetSysctl              = "vnet_sysctl"      // SetVnetSysctls

	OpIpfwList   = "ipfw_list"     // IpfwRules
	OpIpfwAdd    = "ipfw_add"      // IpfwAdd
	OpIpfwDelete = "ipfw_delete"   // IpfwDelete
	OpPfStatus   = "pfctl_status"  // PfStatus
	OpPfAnchors  = "pfctl_anchors" // PfAnchors
	OpPfRules    = "pfctl_rules"   // PfRules
	OpPfLoad     = "pfctl_load"    // PfLoad
	OpPfFlush    = "pfctl_flush"   // PfFlush
	OpPfKill     = "pfctl_kill"    // PfKillStates
)

// operations are all calls, each with the name of the call in the errors of the
// real kernel's methods and the constructor of these errors.
var operations = map[string]struct {
	call   string
	refuse func(call, subject string, errno syscall.Errno) error
}{
	OpFeatures:                {"sysctl", refusal.Missing},
	OpBootID:                  {"sysctl", refusal.Missing},
	OpSysctl:                  {"sysctl", refusal.Missing},
	OpJailSet:                 {OpJailSet, refusal.Jail},
	OpJailGet:                 {OpJailGet, refusal.Jail},
	OpJailRemove:              {OpJailRemove, refusal.Jail},
	OpJailParams:              {"sysctl", refusal.Missing},
	OpNmount:                  {OpNmount, refusal.Missing},
	OpUnmount:                 {OpUnmount, refusal.Unmount},
	OpGetfsstat:               {OpGetfsstat, refusal.Missing},
	OpReadDir:                 {"open", refusal.Missing},
	OpDevfsRulesets:           {"DEVFSIO_SGETNEXT", refusal.Devfs},
	OpDevfsRules:              {"DEVFSIO_RGETNEXT", refusal.Devfs},
	OpDevfsAdd:                {"DEVFSIO_RADD", refusal.Devfs},
	OpDevfsDelete:             {"DEVFSIO_RDEL", refusal.Devfs},
	OpDevfsApply:              {"DEVFSIO_SAPPLY", refusal.Devfs},
	OpRctlAddRule:             {OpRctlAddRule, refusal.Rctl},
	OpRctlRemoveRule:          {OpRctlRemoveRule, refusal.Rctl},
	OpRctlGetRules:            {OpRctlGetRules, refusal.Rctl},
	OpRctlGetRacct:            {OpRctlGetRacct, refusal.Rctl},
	OpCpusetGet:               {OpCpusetGet, refusal.Cpuset},
	OpCpusetSet:               {OpCpusetSet, refusal.Cpuset},
	OpRun:                     {"execve", refusal.Missing},
	OpProcessList:             {"sysctl", refusal.Missing},
	OpProcessSignal:           {"kill", refusal.Kill},
	OpProcessWait:             {"kevent", refusal.Missing},
	OpModfind:                 {OpModfind, refusal.Missing},
	OpKldload:                 {OpKldload, refusal.Missing},
	OpInterfaces:              {"SIOCGIFCONF", refusal.Interface},
	OpInterfaceCreate:         {OpInterfaceCreate, refusal.Interface},
	OpInterfaceDestroy:        {OpInterfaceDestroy, refusal.Interface},
	OpInterfaceRename:         {OpInterfaceRename, refusal.Interface},
	OpInterfaceSetUp:          {OpInterfaceSetUp, refusal.Interface},
	OpInterfaceSetMTU:         {OpInterfaceSetMTU, refusal.Interface},
	OpInterfaceSetMAC:         {OpInterfaceSetMAC, refusal.Interface},
	OpInterfaceSetDescription: {OpInterfaceSetDescription, refusal.Interface},
	OpInterfaceSetVLAN:        {OpInterfaceSetVLAN, refusal.Interface},
	OpInterfaceAddGroup:       {OpInterfaceAddGroup, refusal.Interface},
	OpInterfaceDeleteGroup:    {OpInterfaceDeleteGroup, refusal.Interface},
	OpInterfaceToVnet:         {OpInterfaceToVnet, refusal.Interface},
	OpInterfaceFromVnet:       {OpInterfaceFromVnet, refusal.Interface},
	OpInterfaceSetND6:         {OpInterfaceSetND6, refusal.Interface},
	OpAddressAdd:              {OpAddressAdd, refusal.Interface},
	OpAddressDelete:           {OpAddressDelete, refusal.Interface},
	OpAddressState:            {OpAddressState, refusal.Interface},
	OpBridgeAdd:               {OpBridgeAdd, refusal.Interface},
	OpBridgeDelete:            {OpBridgeDelete, refusal.Interface},
	OpBridgeMembers:           {OpBridgeMembers, refusal.Interface},
	OpBridgeStatic:            {OpBridgeStatic, refusal.Interface},
	OpRouteAdd:                {OpRouteAdd, refusal.Interface},
	OpRouteDelete:             {OpRouteDelete, refusal.Interface},
	OpRoutes:                  {OpRoutes, refusal.Interface},
	OpVnetSysctl:              {"sysctl", refusal.Missing},
	OpIpfwList:                {"ipfw", refusal.Missing},
	OpIpfwAdd:                 {"ipfw", refusal.Missing},
	OpIpfwDelete:              {"ipfw", refusal.Missing},
	OpPfStatus:                {"pfctl", refusal.Missing},
	OpPfAnchors:               {"pfctl", refusal.Missing},
	OpPfRules:                 {"pfctl", refusal.Missing},
	OpPfLoad:                  {"pfctl", refusal.Missing},
	OpPfFlush:                 {"pfctl", refusal.Missing},
	OpPfKill:                  {"pfctl", refusal.Missing},
}

// knownOps are their names in order.
var knownOps = slices.Sorted(maps.Keys(operations))

// injected returns the error of an injected failure, in the error type that the real
// kernel's methods return. An error of that type is returned as it is.
func injected(op, subject string, cause error) error {
	if je, ok := errors.AsType[*kernel.JailError](cause); ok {
		return je
	}
	if ce, ok := errors.AsType[*kernel.CallError](cause); ok {
		return ce
	}
	errno, isErrno := errors.AsType[syscall.Errno](cause)
	o := operations[op]
	err := o.refuse(o.call, subject, errno)
	if isErrno && cause.Error() == errno.Error() {
		return err
	}
	if je, ok := errors.AsType[*kernel.JailError](err); ok {
		je.Msg, je.Err = cause.Error(), cause
	}
	if ce, ok := errors.AsType[*kernel.CallError](err); ok {
		ce.Msg, ce.Err = cause.Error(), cause
	}
	return err
}
