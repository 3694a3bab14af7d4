package simkernel

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
)

// filesystems are the types that can be mounted, with the permission that a
// jail needs; those with a module exist only when it is loaded.
var filesystems = map[string]struct{ module string }{
	"nullfs": {}, "devfs": {}, "fdescfs": {}, "procfs": {}, "tmpfs": {},
	"linprocfs": {"linprocfs"}, "linsysfs": {"linsysfs"}, "lindebugfs": {"lindebugfs"},
}

// Nmount implements [kernel.Mounts].
func (v *view) Nmount(ctx context.Context, req kernel.MountRequest) (kernel.Mounted, error) {
	var out kernel.Mounted
	text := fmt.Sprintf("%s %s %s %#x", req.Type, req.From, req.Path, uint64(req.Flags))
	for _, o := range req.Options {
		text += " " + o.Name
		if o.Value != "" {
			text += "=" + o.Value
		}
	}
	err := v.do(ctx, OpNmount, req.Path, text, func() error {
		m, err := v.mount(req)
		if err == nil {
			out = m.Mounted
		}
		return err
	})
	return out, err
}

func (v *view) mount(req kernel.MountRequest) (*mount, error) {
	k := v.s
	refused := func(e syscall.Errno, msg string) error {
		return &kernel.CallError{Op: "nmount", Subject: req.Path, Errno: e, Msg: msg}
	}
	missing := func() error {
		err := &kernel.CallError{Op: "nmount", Subject: req.Path, Errno: syscall.ENOENT, Err: kernel.ErrNotFound}
		if !k.rel.missingIsENOENT {
			err.Errno, err.Msg = syscall.EINVAL, "Invalid fstype"
		}
		return err
	}
	if number, valid := precheck.Ruleset(req); !precheck.MayBeEmpty(req) && valid && len(k.devfs.sets[number]) == 0 {
		return nil, &kernel.CallError{
			Op: "nmount", Subject: req.Path, Err: kernel.ErrEmptyRuleset,
			Msg: fmt.Sprintf("devfs ruleset %d has no rules and would show every device of the host", number),
		}
	}
	switch kind, known := filesystems[req.Type]; {
	case req.Type == "":
		return nil, refused(syscall.EINVAL, "Invalid fstype")
	case req.Path == "":
		return nil, refused(syscall.EINVAL, "Invalid fspath")
	case len(req.Type) > 15 || len(req.Path) >= 1024:
		return nil, refused(syscall.ENAMETOOLONG, "")
	case !known || kind.module != "" && !k.hasModule(kind.module):
		return nil, refused(syscall.EINVAL, "Invalid fstype")
	}
	if v.jailed() && !v.mayMount(req.Type) {
		return nil, refused(syscall.EPERM, "")
	}
	var (
		at   place
		info fs.FileInfo
		e    syscall.Errno
	)
	if req.Below != "" {
		var err error
		if at, info, err = v.walkBelow(req.Below, req.Path); err != nil {
			return nil, err
		}
	} else if at, info, e = v.namei(req.Path); e == syscall.ENOENT {
		return nil, missing()
	} else if e != 0 {
		return nil, refused(e, "")
	}
	if req.Flags&kernel.MntUpdate != 0 {
		return v.updateMount(req, at)
	}
	m := &mount{Mounted: kernel.Mounted{Type: req.Type, From: req.From, Path: at.path(), Flags: mountFlags(req)}}
	if m.From == "" {
		m.From = req.Type
	}
	switch {
	case req.Type == "nullfs":
		if req.From == "" {
			return nil, refused(syscall.EINVAL, "")
		}
		src, sinfo, link, e := v.guardedNamei(req.From, req.Guarded)
		switch {
		case link != "":
			return nil, precheck.Escapes(req, link)
		case e == syscall.ENOENT:
			return nil, missing()
		case e != 0:
			return nil, refused(e, "")
		case info.IsDir() != sinfo.IsDir():
			return nil, refused(syscall.EINVAL, "")
		case at.m.Type == "nullfs" && (place{at.m.src, joinRel(at.m.SrcRel, at.rel)}) == src:
			return nil, refused(syscall.EDEADLK, "")
		}
		m.src, m.Src, m.SrcRel = src.m, src.m.Seq, src.rel
		m.NoCache = hasOption(req, "nocache")
		m.Flags |= src.m.Flags & (kernel.MntRdOnly | kernel.MntNoSuid | kernel.MntNoExec)
	case !info.IsDir():
		return nil, refused(syscall.ENOTDIR, "")
	case req.Type == "devfs":
		number, valid := precheck.Ruleset(req)
		if !valid {
			return nil, refused(syscall.EINVAL, "invalid ruleset specification")
		}
		if v.jailed() {
			if number != 0 && int(number) != v.me.DevfsRuleset {
				return nil, refused(syscall.EPERM, "")
			}
			number = uint16(v.me.DevfsRuleset)
		}
		m.Ruleset = number
		k.applyRuleset(m, number)
	case req.Type == "tmpfs":
		var err error
		if m.dir, err = k.scratchDir(); err != nil {
			return nil, refused(toErrno(err), err.Error())
		}
	}
	k.mounts.add(m, at)
	return m, nil
}

func (v *view) mayMount(fstype string) bool {
	any, one := v.s.byParam["allow.mount"], v.s.byParam["allow.mount."+fstype]
	return one != nil && v.me.allow&any.bit != 0 && v.me.allow&one.bit != 0 && v.me.EnforceStatfs < 2
}

// updateMount changes flags, and the ruleset of a devfs. nullfs cannot.
func (v *view) updateMount(req kernel.MountRequest, at place) (*mount, error) {
	m := at.m
	switch {
	case at.rel != "/" || m.Type != req.Type:
		return nil, &kernel.CallError{Op: "nmount", Subject: req.Path, Errno: syscall.EINVAL}
	case m.Type == "nullfs" || m.Type == "fdescfs":
		return nil, &kernel.CallError{Op: "nmount", Subject: req.Path, Errno: syscall.EOPNOTSUPP}
	}
	if m.Type == "devfs" && hasOption(req, "ruleset") {
		number, valid := precheck.Ruleset(req)
		if !valid {
			return nil, &kernel.CallError{Op: "nmount", Subject: req.Path, Errno: syscall.EINVAL, Msg: "invalid ruleset specification"}
		}
		m.Ruleset = number
		v.s.applyRuleset(m, number)
	}
	m.Flags = mountFlags(req)
	v.s.dirty.put(m.key(), m)
	return m, nil
}

func hasOption(r kernel.MountRequest, name string) bool {
	for _, o := range r.Options {
		if o.Name == name {
			return true
		}
	}
	return false
}

// mountFlags are the flags that stay with the mount, given as bits or as
// options.
func mountFlags(r kernel.MountRequest) kernel.MountFlags {
	f := r.Flags &^ (kernel.MntUpdate | kernel.MntForce)
	for _, o := range r.Options {
		switch o.Name {
		case "ro", "rdonly":
			f |= kernel.MntRdOnly
		case "rw", "noro":
			f &^= kernel.MntRdOnly
		case "nosuid":
			f |= kernel.MntNoSuid
		case "noexec":
			f |= kernel.MntNoExec
		}
	}
	return f
}

func joinRel(a, b string) string {
	if b == "/" {
		return a
	}
	return strings.TrimSuffix(a, "/") + b
}

// Unmount implements [kernel.Mounts].
func (v *view) Unmount(ctx context.Context, path string, flags kernel.MountFlags) error {
	return v.do(ctx, OpUnmount, path, fmt.Sprintf("%s %#x", path, uint64(flags)), func() error {
		return v.unmountPath(path, flags)
	})
}

func (v *view) unmountPath(path string, flags kernel.MountFlags) error {
	if v.jailed() && v.me.allow&v.s.byParam["allow.mount"].bit == 0 {
		return refusal.Unmount("unmount", path, syscall.EPERM)
	}
	real := path
	if at, _, e := v.namei(path); e == 0 {
		real = at.path()
	}
	list := v.s.mounts.list
	for i := len(list) - 1; i > 0; i-- {
		if list[i].Path == real {
			return v.unmount(list[i], path, flags)
		}
	}
	return refusal.Unmount("unmount", path, syscall.EINVAL)
}

// UnmountFSID implements [kernel.Mounts].
func (v *view) UnmountFSID(ctx context.Context, id kernel.FSID, flags kernel.MountFlags) error {
	return v.do(ctx, OpUnmount, id.String(), fmt.Sprintf("%s %#x", id, uint64(flags)), func() error {
		for _, m := range v.s.mounts.list[1:] {
			if m.FSID == id {
				return v.unmount(m, id.String(), flags)
			}
		}
		return refusal.Unmount("unmount", id.String(), syscall.ENOENT)
	})
}

func (v *view) unmount(m *mount, subject string, flags kernel.MountFlags) error {
	t := &v.s.mounts
	shown, cached := t.shown(m)
	if cached || flags&kernel.MntForce == 0 && (shown || t.busy(m)) {
		return refusal.Unmount("unmount", subject, syscall.EBUSY)
	}
	t.remove(m)
	return nil
}
