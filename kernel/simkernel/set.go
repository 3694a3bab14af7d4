package simkernel

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
)

// setCall is one jail_set(2) on its way through the kernel's checks.
type setCall struct {
	*setOpts
	v       *view
	flags   kernel.SetFlags
	jid     int
	name    string
	named   bool
	path    string
	root    place
	rooted  bool
	persist int
	vnet    bool
	slevel  optInt
	kidmax  optInt
	statfs  optInt
	ruleset optInt
	ip4     ipWish
	ip6     ipWish
	host    hostWish
	allowOn uint64
	allowNo uint64
	osrel   string
	osdate  int
}

type optInt struct {
	v  int
	ok bool
}

// ipWish is what a caller wants of one address family.
type ipWish struct {
	given bool // any of ipN, ipN.addr
	user  bool // restricted
	addrs []netip.Addr
	sel   int // saddrsel: 1, -1, 0 not given
}

type hostWish struct {
	given, own         bool
	name, domain, uuid *string
	id                 *uint64
}

func (c *setCall) creating() bool {
	return c.flags&(kernel.JailCreate|kernel.JailUpdate) == kernel.JailCreate
}
func (c *setCall) updating() bool { return c.flags&kernel.JailUpdate != 0 }

// JailSet implements [kernel.Jails].
func (v *view) JailSet(ctx context.Context, flags kernel.SetFlags, params ...kernel.Param) (int, error) {
	jid := 0
	err := v.do(ctx, OpJailSet, precheck.JailName(params), paramText(uint32(flags), params), func() error {
		if err := precheck.JailSet(flags, params); err != nil {
			return err
		}
		var err error
		jid, err = v.set(flags, params)
		var je *kernel.JailError
		if errors.As(err, &je) {
			je.Op, je.Name = "jail_set", precheck.JailName(params)
		}
		return err
	})
	return jid, err
}

// paramText is how the record of calls shows parameters.
func paramText(flags uint32, params []kernel.Param) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%#x", flags)
	for _, p := range params {
		b.WriteByte(' ')
		b.WriteString(p.Name)
		switch {
		case p.Data == nil:
		case len(p.Data) > 1 && p.Data[len(p.Data)-1] == 0 && p.Data[0] >= ' ':
			b.WriteByte('=')
			b.Write(p.Data[:len(p.Data)-1])
		case len(p.Data) == 4 && !strings.HasSuffix(p.Name, ".addr"):
			fmt.Fprintf(&b, "=%d", kernel.Params{p}.Int(p.Name))
		default:
			fmt.Fprintf(&b, "=%#x", p.Data)
		}
	}
	return b.String()
}

func (v *view) set(flags kernel.SetFlags, params []kernel.Param) (int, error) {
	mask := kernel.SetFlags(0x0f)
	if v.s.rel.jailDesc {
		mask = 0xff
	}
	if flags&kernel.JailCreate != 0 && v.me.ChildMax == 0 {
		return 0, errno(syscall.EPERM)
	}
	if flags&^mask != 0 {
		return 0, errno(syscall.EINVAL)
	}
	o, err := newSetOpts(params)
	if err != nil {
		return 0, err
	}
	c := &setCall{setOpts: o, v: v, flags: flags}
	if flags&(kernel.JailCreate|kernel.JailUpdate) == 0 {
		return 0, refuse(syscall.EINVAL, "no valid operation (create or update)")
	}
	if flags&0xf0 != 0 { // a flag of descriptors, and no parameter desc
		return 0, refuse(syscall.ENOENT, "missing desc")
	}
	for _, parse := range []func() error{c.parseNumbers, c.parseFlags, c.parseName, c.parseHost, c.parseIP, c.parseOS, c.parsePath} {
		if err := parse(); err != nil {
			return 0, err
		}
	}
	return c.apply()
}

func (c *setCall) parseNumbers() error {
	var err error
	if c.jid, _, err = c.int("jid"); err != nil {
		return err
	}
	for name, dst := range map[string]*optInt{
		"securelevel": &c.slevel, "children.max": &c.kidmax,
		"enforce_statfs": &c.statfs, "devfs_ruleset": &c.ruleset,
	} {
		if dst.v, dst.ok, err = c.int(name); err != nil {
			return err
		}
	}
	if c.statfs.ok && (c.statfs.v < 0 || c.statfs.v > 2) {
		return errno(syscall.EINVAL)
	}
	return nil
}

func (c *setCall) parseFlags() error {
	c.persist = c.flag("persist")
	c.ip4.sel, c.ip6.sel = c.flag("ip4.saddrsel"), c.flag("ip6.saddrsel")
	host, ok, err := c.jailsys("host", kernel.JailSysNew, kernel.JailSysInherit)
	if err != nil {
		return err
	}
	c.host.given, c.host.own = ok, ok && host == kernel.JailSysNew
	vnetGiven := false
	if !c.v.s.opts.NoVIMAGE {
		vnet, ok, err := c.jailsys("vnet", kernel.JailSysNew, kernel.JailSysInherit)
		if err != nil {
			return err
		}
		vnetGiven, c.vnet = ok, ok && vnet == kernel.JailSysNew
	}
	for name, ip := range map[string]*ipWish{"ip4": &c.ip4, "ip6": &c.ip6} {
		s, ok, err := c.jailsys(name, kernel.JailSysDisable, kernel.JailSysNew, kernel.JailSysInherit)
		if err != nil {
			return err
		}
		ip.given, ip.user = ok, ok && s != kernel.JailSysInherit
	}
	if c.flags&kernel.JailCreate != 0 && c.persist <= 0 {
		return refuse(syscall.EINVAL, "new jail must persist or attach")
	}
	if c.updating() {
		for _, p := range []struct {
			given bool
			name  string
		}{{vnetGiven, "vnet"}, {c.ip4.given, "ip4"}, {c.ip6.given, "ip6"}} {
			if p.given {
				return &kernel.JailError{Param: p.name, Errno: syscall.EINVAL, Msg: p.name + " cannot be changed after creation"}
			}
		}
	}
	for i := range c.v.s.params {
		p := &c.v.s.params[i]
		if p.bit != 0 && !p.no {
			switch c.flag(p.Name) {
			case 1:
				c.allowOn |= p.bit
			case -1:
				c.allowNo |= p.bit
			}
		}
	}
	return nil
}

func (c *setCall) parseName() error {
	var err error
	c.name, c.named, err = c.string("name", 256)
	return err
}

func (c *setCall) parseHost() error {
	for _, t := range []struct {
		name  string
		limit int
		dst   **string
	}{
		{"host.hostname", 256, &c.host.name},
		{"host.domainname", 256, &c.host.domain},
		{"host.hostuuid", 64, &c.host.uuid},
	} {
		s, ok, err := c.string(t.name, t.limit)
		if err != nil {
			return err
		}
		if ok {
			*t.dst, c.host.given, c.host.own = &s, true, true
		}
	}
	id, ok, err := c.ulong("host.hostid")
	if ok {
		c.host.id, c.host.given, c.host.own = &id, true, true
	}
	return err
}

func (c *setCall) parseIP() error {
	for _, f := range []struct {
		name string
		size int
		ip   *ipWish
	}{{"ip4.addr", 4, &c.ip4}, {"ip6.addr", 16, &c.ip6}} {
		list, ok, err := c.addrs(f.name, f.size)
		if err != nil {
			return err
		}
		if ok {
			f.ip.given, f.ip.user, f.ip.addrs = true, true, list
		}
	}
	if !c.v.s.opts.NoVIMAGE && c.find("vnet") != nil && (c.ip4.given || c.ip6.given) {
		return refuse(syscall.EINVAL, "vnet jails cannot have IP address restrictions")
	}
	return nil
}

func (c *setCall) parseOS() error {
	if p := c.find("osrelease"); p != nil {
		switch {
		case c.updating():
			return refuse(syscall.EINVAL, "osrelease cannot be changed after creation")
		case len(p.Data) == 0 || p.Data[len(p.Data)-1] != 0:
			return errno(syscall.EINVAL)
		case len(p.Data) >= 32:
			return refuse(syscall.ENAMETOOLONG, "osrelease string must be 1-31 bytes long")
		}
		c.osrel, _, _ = c.string("osrelease", 0)
	}
	date, ok, err := c.int("osreldate")
	switch {
	case err != nil:
		return err
	case ok && c.updating():
		return refuse(syscall.EINVAL, "osreldate cannot be changed after creation")
	case ok && date == 0:
		return refuse(syscall.EINVAL, "osreldate cannot be 0")
	}
	c.osdate = date
	return nil
}

func (c *setCall) parsePath() error {
	if c.find("path") == nil {
		return nil
	}
	if c.updating() {
		return refuse(syscall.EINVAL, "path cannot be changed after creation")
	}
	p, _, err := c.string("path", 0)
	if err != nil {
		return err
	}
	at, info, e := c.v.namei(p)
	if e != 0 {
		return &kernel.JailError{Param: "path", Errno: e, Msg: pathWords(p, e)}
	}
	if !info.IsDir() {
		return &kernel.JailError{Param: "path", Errno: syscall.ENOTDIR, Msg: pathWords(p, syscall.ENOTDIR)}
	}
	c.path, c.root, c.rooted = at.path(), at, true
	return nil
}

// pathWords say what jail_set(2) leaves unsaid about its path.
func pathWords(p string, e syscall.Errno) string {
	switch e {
	case syscall.ENOENT:
		return "path " + strconv.Quote(p) + " does not exist"
	case syscall.ENOTDIR:
		return "path " + strconv.Quote(p) + " is not a directory"
	}
	return ""
}

// nameOf and pathOf are a jail's name and path as the caller sees them.
func (v *view) nameOf(pr *prison) string {
	if v.me.parent == nil {
		return pr.Name
	}
	return strings.TrimPrefix(pr.Name, v.me.Name+".")
}

func (v *view) pathOf(pr *prison) string {
	if v.me.parent == nil || v.me.Path == "/" {
		return pr.Path
	}
	return path.Join("/", strings.TrimPrefix(pr.Path, v.me.Path))
}

// fullName is the inverse of nameOf.
func (v *view) fullName(name string) string {
	if v.me.parent == nil {
		return name
	}
	return v.me.Name + "." + name
}
