package simkernel

import (
	"context"
	"strconv"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

// sysctlText is the value of a node as sysctl(8) prints it.
func (v *view) sysctlText(name string) (string, bool) {
	k, me := v.s, v.me
	if s, ok := k.opts.Sysctls[name]; ok {
		return s, true
	}
	num := strconv.Itoa
	if st, err := v.netView.stack(); err == nil {
		if n, ok := k.vnetSysctl(st, name); ok {
			return num(n), true
		}
	}
	if s, ok := ipfwHostSysctls[name]; ok && k.hasModule("ipfw") {
		return s, true
	}
	owner := me.hostOwner().Host
	switch name {
	case "kern.ostype":
		return "FreeBSD", true
	case "kern.osrelease":
		return me.OSRelease, true
	case "kern.osreldate":
		return num(me.OSRelDate), true
	case "kern.hostname":
		return owner.Name, true
	case "kern.domainname":
		return owner.Domain, true
	case "kern.hostuuid":
		return owner.UUID, true
	case "kern.hostid":
		return strconv.FormatUint(owner.ID, 10), true
	case "kern.securelevel":
		return num(me.SecureLevel), true
	case "kern.features.vimage":
		return "1", !k.opts.NoVIMAGE
	case "kern.features.racct", "kern.features.rctl", "kern.features.inet", "kern.features.inet6":
		return "1", true
	case "kern.racct.enable":
		return num(b2i(!k.opts.NoRACCT)), true
	case "hw.machine", "hw.machine_arch":
		return "amd64", true
	case "hw.ncpu":
		return "2", true
	case "net.fibs", "net.link.bridge.inherit_mac":
		return map[string]string{"net.fibs": "1", "net.link.bridge.inherit_mac": "0"}[name], true
	case "vfs.zfs.version.module":
		return k.rel.zfs, !k.opts.NoZFS
	case "security.jail.jailed":
		return num(b2i(v.jailed())), true
	case "security.jail.vnet":
		return num(b2i(me.VNET)), true
	case "security.jail.jail_max_af_ips":
		return "255", true
	case "security.jail.enforce_statfs":
		return num(me.EnforceStatfs), true
	case "security.jail.devfs_ruleset":
		return num(me.DevfsRuleset), true
	case "security.jail.meta_maxbufsize":
		return num(metaMax), k.rel.meta
	case "security.jail.env":
		return me.Mod.Env, k.rel.meta
	case "security.jail.children.max":
		return num(me.ChildMax), k.rel.childSysctls
	case "security.jail.children.cur":
		return num(me.childCount), k.rel.childSysctls
	}
	return "", false
}

// SysctlString implements [kernel.Sysctls].
func (v *view) SysctlString(ctx context.Context, name string) (string, error) {
	var out string
	err := v.do(ctx, OpSysctl, name, name, func() error {
		s, ok := v.sysctlText(name)
		if !ok {
			return &kernel.CallError{Op: "sysctl", Subject: name, Errno: syscall.ENOENT, Msg: "unknown oid", Err: kernel.ErrNotFound}
		}
		out = s
		return nil
	})
	return out, err
}

// SysctlInt implements [kernel.Sysctls].
func (v *view) SysctlInt(ctx context.Context, name string) (int64, error) {
	s, err := v.SysctlString(ctx, name)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, &kernel.CallError{Op: "sysctl", Subject: name, Errno: syscall.EINVAL, Msg: "not an integer node"}
	}
	return n, nil
}
