package simkernel

import (
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

// metaMax is security.jail.meta_maxbufsize.
const metaMax = 4096

// moduleParam is a parameter that belongs to a kernel module, which checks and
// keeps it by itself, after the kernel has checked its own.
type moduleParam struct {
	name string
	t    kernel.ParamType
	size int
	get  func(pr *prison) any
}

// moduleState is what modules keep for a jail.
type moduleState struct {
	Sysv         map[string]kernel.JailSys `json:"sysv,omitempty"`
	ZFSInherit   bool                      `json:"zfs_inherit,omitempty"`
	ZFSSnapshot  int                       `json:"zfs_mount_snapshot,omitempty"`
	LinuxOwn     bool                      `json:"linux_own,omitempty"`
	LinuxName    string                    `json:"linux_osname,omitempty"`
	LinuxRelease string                    `json:"linux_osrelease,omitempty"`
	LinuxOSS     int                       `json:"linux_oss_version,omitempty"`
	MacDoOwn     bool                      `json:"mac_do_own,omitempty"`
	MacDoRules   string                    `json:"mac_do_rules,omitempty"`
	Meta         string                    `json:"meta,omitempty"`
	Env          string                    `json:"env,omitempty"`
}

var sysvNames = [...]string{"sysvmsg", "sysvsem", "sysvshm"}

func moduleParams(rel release, opts Options) []moduleParam {
	var out []moduleParam
	k := &machine{opts: opts}
	if rel.sysv || k.hasModule("sysvipc") {
		for _, name := range sysvNames {
			out = append(out, moduleParam{name, kernel.ParamJailsys, 4, func(pr *prison) any { return pr.Mod.Sysv[name] }})
		}
	}
	if !opts.NoZFS {
		out = append(out,
			moduleParam{"zfs", kernel.ParamJailsys, 4, func(pr *prison) any { return newOr(!pr.Mod.ZFSInherit, kernel.JailSysInherit) }},
			moduleParam{"zfs.mount_snapshot", kernel.ParamInt, 4, func(pr *prison) any {
				for pr.Mod.ZFSInherit && pr.parent != nil {
					pr = pr.parent
				}
				return pr.Mod.ZFSSnapshot
			}})
	}
	if k.hasModule("linux") || k.hasModule("linux64") {
		out = append(out,
			moduleParam{"linux", kernel.ParamJailsys, 4, func(pr *prison) any { return newOr(pr.Mod.LinuxOwn, kernel.JailSysInherit) }},
			moduleParam{"linux.osname", kernel.ParamString, 65, func(pr *prison) any { return pr.linuxOwner().Mod.LinuxName }},
			moduleParam{"linux.osrelease", kernel.ParamString, 65, func(pr *prison) any { return pr.linuxOwner().Mod.LinuxRelease }},
			moduleParam{"linux.oss_version", kernel.ParamInt, 4, func(pr *prison) any { return pr.linuxOwner().Mod.LinuxOSS }})
	}
	if rel.meta {
		out = append(out,
			moduleParam{"meta", kernel.ParamString, metaMax, func(pr *prison) any { return pr.Mod.Meta }},
			moduleParam{"env", kernel.ParamString, metaMax, func(pr *prison) any { return pr.Mod.Env }})
	}
	if k.hasModule("mac_do") {
		out = append(out,
			moduleParam{"mac.do", kernel.ParamJailsys, 4, func(pr *prison) any { return newOr(pr.Mod.MacDoOwn, kernel.JailSysDisable) }},
			moduleParam{"mac.do.rules", kernel.ParamString, 1024, func(pr *prison) any { return pr.Mod.MacDoRules }})
	}
	return out
}

func (pr *prison) linuxOwner() *prison {
	for !pr.Mod.LinuxOwn && pr.parent != nil {
		pr = pr.parent
	}
	return pr
}

func (pr *prison) metaText(base string) string {
	if base == "env" {
		return pr.Mod.Env
	}
	return pr.Mod.Meta
}

// checkModules makes the checks of modules before any parameter is set.
// It returns the state to set. pr is nil for a new jail.
func (v *view) checkModules(o *setOpts, ppr, pr *prison) (moduleState, error) {
	k := v.s
	var m moduleState
	if pr != nil {
		m = pr.Mod
	}
	sysv := map[string]kernel.JailSys{}
	for name, s := range m.Sysv {
		sysv[name] = s
	}
	m.Sysv = sysv
	if k.byParam["sysvmsg"] != nil {
		if p := o.flag("allow.sysvipc"); p != 0 {
			for _, name := range sysvNames {
				sysv[name] = kernel.JailSysDisable
				if p > 0 {
					sysv[name] = kernel.JailSysInherit
				}
			}
		}
		for _, name := range sysvNames {
			s, ok, err := o.jailsys(name, kernel.JailSysDisable, kernel.JailSysNew, kernel.JailSysInherit)
			if err != nil {
				return m, err
			}
			if ok {
				sysv[name] = s
			}
			if ok && s != kernel.JailSysDisable && ppr.Mod.Sysv[name] == kernel.JailSysDisable {
				return m, errno(syscall.EPERM)
			}
		}
	}
	if !k.opts.NoZFS {
		s, ok, err := o.jailsys("zfs", kernel.JailSysNew, kernel.JailSysInherit)
		if err != nil {
			return m, err
		}
		n, snap, err := o.int("zfs.mount_snapshot")
		switch {
		case err != nil:
			return m, err
		case snap && n != 0 && n != 1:
			return m, errno(syscall.EINVAL)
		}
		if ok {
			m.ZFSInherit = s == kernel.JailSysInherit
		}
		if snap {
			m.ZFSInherit, m.ZFSSnapshot = false, n
		}
	}
	if err := o.linuxParams(k, &m); err != nil {
		return m, err
	}
	if k.rel.meta {
		for base, text := range map[string]*string{"meta": &m.Meta, "env": &m.Env} {
			if err := o.metaParams(base, text); err != nil {
				return m, err
			}
		}
	}
	if k.byParam["mac.do"] != nil {
		s, ok, err := o.jailsys("mac.do", kernel.JailSysDisable, kernel.JailSysNew, kernel.JailSysInherit)
		if err != nil {
			return m, err
		}
		rules, given, err := o.string("mac.do.rules", 1024)
		if err != nil {
			return m, err
		}
		if ok {
			m.MacDoOwn = s == kernel.JailSysNew
		}
		if given {
			m.MacDoOwn, m.MacDoRules = true, rules
		}
	}
	return m, nil
}

func (o *setOpts) linuxParams(k *machine, m *moduleState) error {
	if k.byParam["linux"] == nil {
		return nil
	}
	s, ok, err := o.jailsys("linux", kernel.JailSysNew, kernel.JailSysInherit)
	if err != nil {
		return err
	}
	if ok {
		m.LinuxOwn = s == kernel.JailSysNew
	}
	for name, dst := range map[string]*string{"linux.osname": &m.LinuxName, "linux.osrelease": &m.LinuxRelease} {
		text, ok, err := o.string(name, 65)
		if err != nil {
			return err
		}
		if ok {
			m.LinuxOwn, *dst = true, text
		}
	}
	n, ok, err := o.int("linux.oss_version")
	if ok {
		m.LinuxOwn, m.LinuxOSS = true, n
	}
	return err
}

// metaParams takes meta and meta.KEY: the whole text, one line of it, or its
// removal when the key has no value.
func (o *setOpts) metaParams(base string, text *string) error {
	for i := range o.list {
		p := &o.list[i]
		key, one := strings.CutPrefix(p.Name, base+".")
		if p.Name != base && (!one || key == "") {
			continue
		}
		p.seen = true
		val, isText := strings.CutSuffix(string(p.Data), "\x00")
		switch {
		case one && len(p.Data) == 0:
			*text = metaSet(*text, key, nil)
		case !isText:
			return errno(syscall.EINVAL)
		case one:
			*text = metaSet(*text, key, &val)
		default:
			*text = val
		}
		if len(*text)+1 > metaMax {
			return errno(syscall.EFBIG)
		}
	}
	return nil
}

func metaGet(text, key string) string {
	for line := range strings.Lines(text) {
		if k, val, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok && k == key {
			return val
		}
	}
	return ""
}

func metaSet(text, key string, val *string) string {
	var b strings.Builder
	done := val == nil
	for line := range strings.Lines(text) {
		k, _, _ := strings.Cut(line, "=")
		switch {
		case k != key:
			b.WriteString(line)
		case !done:
			b.WriteString(key + "=" + *val + "\n")
			done = true
		}
	}
	if !done {
		b.WriteString(key + "=" + *val + "\n")
	}
	return b.String()
}
