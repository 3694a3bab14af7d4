package simkernel

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
)

// filesystems are the types that can be mounted. Those with a module exist only
// when it is loaded; prepare fills in what is special about a type.
var filesystems = map[string]struct {
	module  string
	prepare func(*mounting) error
}{
	"nullfs":     {prepare: (*mounting).nullfs},
	"unionfs":    {prepare: (*mounting).nullfs},
	"zfs":        {prepare: (*mounting).dataset},
	"devfs":      {prepare: (*mounting).devfs},
	"tmpfs":      {prepare: (*mounting).tmpfs},
	"fdescfs":    {prepare: (*mounting).folder},
	"procfs":     {prepare: (*mounting).folder},
	"linprocfs":  {"linprocfs", (*mounting).folder},
	"linsysfs":   {"linsysfs", (*mounting).folder},
	"lindebugfs": {"lindebugfs", (*mounting).folder},
}

// mounting is one nmount(2) on its way through the kernel.
type mounting struct {
	v    *view
	req  kernel.MountRequest
	at   place       // where to mount
	info fs.FileInfo // of what is there
	m    *mount      // the new mount
	dir  string      // where the files of a dataset are
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
	// The store asks the kernel under its own lock: it is asked before this one's.
	dir, dirErr := "", error(nil)
	if req.Type == "zfs" && v.s.opts.Dataset != nil {
		dir, dirErr = v.s.opts.Dataset(req.From)
	}
	err := v.do(ctx, OpNmount, req.Path, text, func() error {
		if dirErr != nil {
			return &kernel.CallError{Op: OpNmount, Subject: req.Path, Errno: toErrno(dirErr), Msg: dirErr.Error()}
		}
		m, err := v.mount(req, dir)
		if err == nil {
			out = m.Mounted
		}
		return err
	})
	return out, err
}

func (v *view) mount(req kernel.MountRequest, dir string) (*mount, error) {
	c := &mounting{v: v, req: req, dir: dir}
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := c.find(); err != nil {
		return nil, err
	}
	if req.Flags&kernel.MntUpdate != 0 {
		return c.update()
	}
	c.m = &mount{Mounted: kernel.Mounted{Type: req.Type, From: req.From, Path: c.at.path(), Flags: mountFlags(req)}}
	if c.m.From == "" {
		c.m.From = req.Type
	}
	if err := filesystems[req.Type].prepare(c); err != nil {
		return nil, err
	}
	v.s.mounts.add(c.m, c.at)
	return c.m, nil
}

func (c *mounting) refuse(e syscall.Errno, msg string) error {
	return &kernel.CallError{Op: OpNmount, Subject: c.req.Path, Errno: e, Msg: msg}
}

// missing returns the refusal of a path that does not exist.
func (c *mounting) missing(path string) error {
	if c.v.s.rel.missingIsENOENT {
		return refusal.Missing(OpNmount, path, syscall.ENOENT)
	}
	return &kernel.CallError{Op: OpNmount, Subject: path, Errno: syscall.EINVAL, Msg: "Invalid fstype", Err: kernel.ErrNotFound}
}

// check looks at the request alone.
func (c *mounting) check() error {
	req, k := c.req, c.v.s
	if number, valid := precheck.Ruleset(req); !precheck.MayBeEmpty(req) && valid && len(k.devfs.sets[number]) == 0 {
		return &kernel.CallError{
			Op: OpNmount, Subject: req.Path, Err: kernel.ErrEmptyRuleset,
			Msg: fmt.Sprintf("devfs ruleset %d has no rules and would show every device of the host", number),
		}
	}
	kind, known := filesystems[req.Type]
	switch {
	case req.Type == "":
		return c.refuse(syscall.EINVAL, "Invalid fstype")
	case req.Path == "":
		return c.refuse(syscall.EINVAL, "Invalid fspath")
	case len(req.Type) > 15 || len(req.Path) >= 1024:
		return c.refuse(syscall.ENAMETOOLONG, "")
	case !known || kind.module != "" && !k.hasModule(kind.module):
		return c.refuse(syscall.EINVAL, "Invalid fstype")
	case c.v.jailed() && !c.v.mayMount(req.Type):
		return c.refuse(syscall.EPERM, "")
	}
	return nil
}

// find looks up where to mount.
func (c *mounting) find() (err error) {
	if c.req.Below != "" {
		c.at, c.info, err = c.v.walkBelow(c.req.Below, c.req.Path)
		return err
	}
	var e syscall.Errno
	switch c.at, c.info, e = c.v.namei(c.req.Path); e {
	case 0:
		return nil
	case syscall.ENOENT:
		return c.missing(c.req.Path)
	}
	return c.refuse(e, "")
}

// folder refuses to mount on anything but a directory.
func (c *mounting) folder() error {
	if !c.info.IsDir() {
		return c.refuse(syscall.ENOTDIR, "")
	}
	return nil
}

func (c *mounting) nullfs() error {
	if c.req.From == "" {
		return c.refuse(syscall.EINVAL, "")
	}
	src, info, link, e := c.v.guardedNamei(c.req.From, c.req.Guarded)
	over := c.at.m
	switch {
	case link != "":
		return precheck.Escapes(c.req, link)
	case e == syscall.ENOENT:
		return c.missing(c.req.From)
	case e != 0:
		return c.refuse(e, "")
	case c.info.IsDir() != info.IsDir():
		return c.refuse(syscall.EINVAL, "")
	case over.shows() && (place{over.src, joinRel(over.SrcRel, c.at.rel)}) == src:
		return c.refuse(syscall.EDEADLK, "")
	}
	c.m.src, c.m.Src, c.m.SrcRel = src.m, src.m.Seq, src.rel
	c.m.NoCache = hasOption(c.req, "nocache")
	c.m.Flags |= src.m.Flags & (kernel.MntRdOnly | kernel.MntNoSuid | kernel.MntNoExec)
	return nil
}

// dataset mounts a file system of ZFS that is not mounted.
func (c *mounting) dataset() error {
	if c.dir == "" {
		return c.refuse(syscall.EINVAL, "Invalid fstype")
	}
	c.m.Dir = c.dir
	return c.folder()
}

func (c *mounting) devfs() error {
	if err := c.folder(); err != nil {
		return err
	}
	number, err := c.ruleset()
	if err != nil {
		return err
	}
	if c.v.jailed() {
		own := c.v.me.DevfsRuleset
		if number != 0 && int(number) != own {
			return c.refuse(syscall.EPERM, "")
		}
		number = uint16(own)
	}
	c.m.Ruleset = number
	c.v.s.applyRuleset(c.m, number)
	return nil
}

func (c *mounting) ruleset() (uint16, error) {
	number, valid := precheck.Ruleset(c.req)
	if !valid {
		return 0, c.refuse(syscall.EINVAL, "invalid ruleset specification")
	}
	return number, nil
}

func (c *mounting) tmpfs() error {
	err := c.folder()
	if err != nil {
		return err
	}
	if c.m.Dir, err = c.v.s.scratchDir(c.m.Path); err != nil {
		return c.refuse(toErrno(err), err.Error())
	}
	return nil
}

func (v *view) mayMount(fstype string) bool {
	any, one := v.s.byParam["allow.mount"], v.s.byParam["allow.mount."+fstype]
	return one != nil && v.me.allow&any.bit != 0 && v.me.allow&one.bit != 0 && v.me.EnforceStatfs < 2
}

// update changes flags, and the ruleset of a devfs. nullfs cannot be updated.
func (c *mounting) update() (*mount, error) {
	m := c.at.m
	switch {
	case c.at.rel != "/" || m.Type != c.req.Type:
		return nil, c.refuse(syscall.EINVAL, "")
	case m.shows() || m.Type == "fdescfs":
		return nil, c.refuse(syscall.EOPNOTSUPP, "")
	}
	if m.Type == "devfs" && hasOption(c.req, "ruleset") {
		number, err := c.ruleset()
		if err != nil {
			return nil, err
		}
		m.Ruleset = number
		c.v.s.applyRuleset(m, number)
	}
	m.Flags = mountFlags(c.req)
	c.v.s.dirty.put(m.key(), m)
	return m, nil
}

func hasOption(r kernel.MountRequest, name string) bool {
	return slices.ContainsFunc(r.Options, func(o kernel.MountOption) bool { return o.Name == name })
}

// mountFlags returns the flags that stay with the mount, given as bits or as
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
