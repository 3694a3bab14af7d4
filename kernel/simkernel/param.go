package simkernel

import (
	"context"
	"sort"
	"strings"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/words"
)

// param is one parameter of the simulated kernel.
type param struct {
	kernel.ParamInfo
	no  bool // the "no" twin of a boolean
	get func(v *view, pr *prison) any
	bit uint64 // of prison.allow
}

// defaultOn are the permissions a new jail has, as far as its parent has them.
var defaultOn = map[string]bool{
	"allow.set_hostname": true, "allow.reserved_ports": true,
	"allow.unprivileged_proc_debug": true, "allow.suser": true,
}

// allowNames lists the permissions of a kernel in the order of their bits.
func allowNames(rel release, opts Options) []string {
	names := []string{
		"allow.set_hostname", "allow.sysvipc", "allow.raw_sockets", "allow.chflags",
		"allow.mount", "allow.quotas", "allow.socket_af", "allow.mlock",
		"allow.reserved_ports", "allow.read_msgbuf", "allow.unprivileged_proc_debug",
		"allow.suser", "allow.mount.nullfs", "allow.mount.procfs", "allow.mount.tmpfs",
		"allow.mount.fdescfs", "allow.mount.devfs",
	}
	if !opts.NoZFS {
		names = append(names, "allow.mount.zfs")
	}
	modules := func(list []string) {
		for _, m := range list {
			switch m = strings.TrimSuffix(m, ".ko"); m {
			case "linprocfs", "linsysfs", "lindebugfs", "fusefs":
				names = append(names, "allow.mount."+m)
			case "vmm":
				names = append(names, "allow.vmm")
			}
		}
	}
	modules(opts.Modules)
	names = append(names, rel.allow...)
	modules(opts.loaded) // last, so that bits given before keep their meaning
	return names
}

// paramTable returns security.jail.param of a kernel, sorted by name.
func paramTable(rel release, opts Options) ([]param, map[string]*param) {
	var all []param
	add := func(name string, t kernel.ParamType, size int, access string, get func(*view, *prison) any) {
		all = append(all, param{
			ParamInfo: kernel.ParamInfo{Name: name, Type: t, Size: size, Writable: access == "W", Settable: access == "W" || access == "C"},
			get:       get,
		})
	}
	flag := func(name, access string, bit uint64, get func(*prison) bool) {
		for _, no := range [...]bool{false, true} {
			n := name
			if no {
				n = words.Negate(name)
			}
			add(n, kernel.ParamBool, 4, access, func(_ *view, pr *prison) any { return b2i(get(pr) != no) })
			all[len(all)-1].no, all[len(all)-1].bit = no, bit
		}
	}
	host := func(name string, size int, get func(*prison) any) {
		add(name, kernel.ParamString, size, "W", func(_ *view, pr *prison) any { return get(pr.hostOwner()) })
	}

	add("jid", kernel.ParamInt, 4, "C", func(_ *view, pr *prison) any { return pr.JID })
	add("parent", kernel.ParamInt, 4, "R", func(v *view, pr *prison) any {
		if pr.parent == v.me {
			return 0
		}
		return pr.parent.JID
	})
	add("name", kernel.ParamString, 256, "W", func(v *view, pr *prison) any { return v.nameOf(pr) })
	add("path", kernel.ParamString, 1024, "C", func(v *view, pr *prison) any { return v.pathOf(pr) })
	add("securelevel", kernel.ParamInt, 4, "W", func(_ *view, pr *prison) any { return pr.SecureLevel })
	add("osreldate", kernel.ParamInt, 4, "C", func(_ *view, pr *prison) any { return pr.OSRelDate })
	add("osrelease", kernel.ParamString, 32, "C", func(_ *view, pr *prison) any { return pr.OSRelease })
	add("enforce_statfs", kernel.ParamInt, 4, "W", func(_ *view, pr *prison) any { return pr.EnforceStatfs })
	add("devfs_ruleset", kernel.ParamInt, 4, "W", func(_ *view, pr *prison) any { return pr.DevfsRuleset })
	flag("persist", "W", 0, func(pr *prison) bool { return pr.Persist })
	flag("dying", "R", 0, func(pr *prison) bool { return !pr.alive() })
	add("children.cur", kernel.ParamInt, 4, "R", func(_ *view, pr *prison) any { return pr.childCount })
	add("children.max", kernel.ParamInt, 4, "W", func(_ *view, pr *prison) any { return pr.ChildMax })
	add("cpuset.id", kernel.ParamInt, 4, "R", func(_ *view, pr *prison) any { return int(pr.CPUSet) })
	if !opts.NoVIMAGE {
		add("vnet", kernel.ParamJailsys, 4, "C", func(_ *view, pr *prison) any { return newOr(pr.VNET, kernel.JailSysInherit) })
	}

	add("host", kernel.ParamJailsys, 4, "W", func(_ *view, pr *prison) any { return newOr(pr.Host != nil, kernel.JailSysInherit) })
	host("host.hostname", 256, func(pr *prison) any { return pr.Host.Name })
	host("host.domainname", 256, func(pr *prison) any { return pr.Host.Domain })
	host("host.hostuuid", 64, func(pr *prison) any { return pr.Host.UUID })
	add("host.hostid", kernel.ParamUlong, 8, "W", func(_ *view, pr *prison) any { return pr.hostOwner().Host.ID })

	for _, ip := range [...]struct {
		name string
		t    kernel.ParamType
		of   func(*prison) *prisonIP
	}{
		{"ip4", kernel.ParamAddr4, func(pr *prison) *prisonIP { return &pr.IP4 }},
		{"ip6", kernel.ParamAddr6, func(pr *prison) *prisonIP { return &pr.IP6 }},
	} {
		add(ip.name, kernel.ParamJailsys, 4, "C", func(_ *view, pr *prison) any {
			if ip.of(pr).User { // what it inherits from a restricted parent is inherited all the same
				return kernel.JailSysDisable
			}
			return kernel.JailSysInherit
		})
		add(ip.name+".addr", ip.t, map[kernel.ParamType]int{kernel.ParamAddr4: 4, kernel.ParamAddr6: 16}[ip.t], "W",
			func(_ *view, pr *prison) any { return ip.of(pr).Addrs })
		flag(ip.name+".saddrsel", "W", 0, func(pr *prison) bool { return !ip.of(pr).NoSaddrsel })
	}

	for i, name := range allowNames(rel, opts) {
		bit := uint64(1) << i
		flag(name, "W", bit, func(pr *prison) bool { return pr.allow&bit != 0 })
	}
	for _, m := range moduleParams(rel, opts) {
		add(m.name, m.t, m.size, "W", func(_ *view, pr *prison) any { return m.get(pr) })
	}

	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	byName := make(map[string]*param, len(all))
	for i := range all {
		byName[all[i].Name] = &all[i]
	}
	return all, byName
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func newOr(own bool, other kernel.JailSys) kernel.JailSys {
	if own {
		return kernel.JailSysNew
	}
	return other
}

// encode makes the parameter as jail_get(2) returns it.
func encode(name string, v any) kernel.Param {
	switch v := v.(type) {
	case int:
		return kernel.Int(name, v)
	case kernel.JailSys:
		return kernel.Jailsys(name, v)
	case uint64:
		return kernel.Ulong(name, v)
	case string:
		return kernel.String(name, v)
	case addrs:
		return kernel.Addrs(name, v...)
	}
	return kernel.Param{Name: name}
}

// lookup finds a parameter, also one that exists for its key only (meta.owner).
func (k *machine) lookup(name string) *param {
	if p := k.byParam[name]; p != nil {
		return p
	}
	if k.rel.meta {
		for _, base := range [...]string{"meta", "env"} {
			if key, ok := strings.CutPrefix(name, base+"."); ok && key != "" {
				return &param{
					ParamInfo: kernel.ParamInfo{Name: name, Type: kernel.ParamString, Size: metaMax, Writable: true, Settable: true},
					get:       func(_ *view, pr *prison) any { return metaGet(pr.metaText(base), key) },
				}
			}
		}
	}
	return nil
}

// JailParams implements [kernel.Jails].
func (v *view) JailParams(ctx context.Context) ([]kernel.ParamInfo, error) {
	var out []kernel.ParamInfo
	err := v.do(ctx, OpJailParams, "security.jail.param", "", func() error {
		for i := range v.s.params {
			if p := &v.s.params[i]; !p.no {
				out = append(out, p.ParamInfo)
			}
		}
		return nil
	})
	return out, err
}
