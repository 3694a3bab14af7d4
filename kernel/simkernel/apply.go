package simkernel

import (
	"net/netip"
	"slices"
	"sort"
	"strings"
	"syscall"
)

// apply finds or makes the jail, checks the values against its parent and sets
// them. Until the last check nothing is changed but the next automatic jid.
func (c *setCall) apply() (int, error) {
	k, me := c.v.s, c.v.me
	pr, ppr, last, err := c.choose()
	if err != nil {
		return 0, err
	}
	jid, reused := c.jid, (*prison)(nil)
	if pr == nil {
		for p := me; p != nil; p = p.parent {
			if p.childCount >= p.ChildMax {
				return 0, refuse(syscall.EPERM, "prison limit exceeded")
			}
		}
		if jid == 0 {
			if jid = k.jails.nextJID(); jid == 0 {
				return 0, refuse(syscall.EAGAIN, "no available jail IDs")
			}
		}
		reused = k.jails.byJID[jid]
	} else {
		jid = pr.JID
		if err := c.checkUpdate(pr); err != nil {
			return 0, err
		}
	}
	bound := ppr
	if pr != nil && c.jid != 0 && !k.rel.jidKnowsParent {
		bound = me
	}
	if err := c.checkLimits(bound, pr); err != nil {
		return 0, err
	}
	full, err := c.fullNameOf(ppr, pr, last, jid)
	if err != nil {
		return 0, err
	}
	if c.allowOn&^bound.allow&^k.freeAllow() != 0 {
		return 0, errno(syscall.EPERM)
	}
	mod, err := c.v.checkModules(c.setOpts, bound, pr)
	if err != nil {
		return 0, err
	}
	if err := c.unknown(); err != nil {
		return 0, err
	}

	if pr == nil {
		if reused != nil {
			k.jails.moveDead(reused)
		}
		pr = c.create(ppr, full, jid)
	} else if full != "" && full != pr.Name {
		k.jails.rename(pr, full)
	}
	pr.Mod = mod
	c.store(pr)
	k.jails.settle(pr)
	return jid, nil
}

// freeAllow returns the permissions that a child may have although its parent does not.
func (k *machine) freeAllow() uint64 {
	return k.byParam["allow.unprivileged_proc_debug"].bit
}

func (c *setCall) checkUpdate(pr *prison) error {
	if pr.VNET && (c.ip4.given || c.ip6.given) {
		return refuse(syscall.EINVAL, "vnet jails cannot have IP address restrictions")
	}
	if c.ip4.given && c.ip4.user != pr.IP4.User {
		return refuse(syscall.EINVAL, "ip4 cannot be changed after creation")
	}
	if c.ip6.given && c.ip6.user != pr.IP6.User {
		return refuse(syscall.EINVAL, "ip6 cannot be changed after creation")
	}
	return nil
}

// checkLimits compares the values with the parent's, which bound them.
func (c *setCall) checkLimits(ppr, pr *prison) error {
	if c.slevel.ok && c.slevel.v < ppr.SecureLevel ||
		c.kidmax.ok && c.kidmax.v >= ppr.ChildMax ||
		c.statfs.ok && c.statfs.v < ppr.EnforceStatfs {
		return errno(syscall.EPERM)
	}
	if c.ruleset.ok {
		if c.ruleset.v < 0 || c.ruleset.v > 65535 {
			return errno(syscall.EINVAL)
		}
		if c.v.jailed() {
			if c.ruleset.v > 0 && c.ruleset.v != ppr.DevfsRuleset {
				return errno(syscall.EPERM)
			}
			c.ruleset.v = ppr.DevfsRuleset
		}
	}
	if err := c.checkAddrs(ppr, pr, c.ip4.addrs, "IPv4", func(p *prison) *prisonIP { return &p.IP4 }); err != nil {
		return err
	}
	return c.checkAddrs(ppr, pr, c.ip6.addrs, "IPv6", func(p *prison) *prisonIP { return &p.IP6 })
}

// checkAddrs: the addresses are among the parent's, and no other restricted
// jail of the same stack has them, unless both have exactly one.
func (c *setCall) checkAddrs(ppr, pr *prison, addrs []netip.Addr, family string, of func(*prison) *prisonIP) error {
	if len(addrs) == 0 {
		return nil
	}
	if p := of(ppr); p.Restricted {
		for _, a := range addrs {
			if !slices.Contains(p.Addrs, a) {
				return errno(syscall.EPERM)
			}
		}
	}
	top := ppr
	for top.parent != nil && !top.VNET {
		top = top.parent
	}
	clash := false
	top.walk(func(p *prison) bool {
		if clash || p == pr || p.VNET || !p.alive() {
			return false
		}
		ip := of(p)
		if !ip.User {
			return true
		}
		if len(ip.Addrs) > 0 && (len(addrs) != 1 || len(ip.Addrs) != 1) {
			for _, a := range addrs {
				clash = clash || slices.Contains(ip.Addrs, a)
			}
		}
		return false
	})
	if clash {
		return refuse(syscall.EADDRINUSE, family+" addresses clash")
	}
	return nil
}

// create makes the jail with its defaults and what it inherits.
func (c *setCall) create(ppr *prison, full string, jid int) *prison {
	k := c.v.s
	root, path := c.v.me.root, c.v.me.Path
	if c.rooted {
		root, path = c.root, c.path
	}
	pr := &prison{
		JID: jid, Name: full, Parent: ppr.JID, parent: ppr, Path: path, root: root,
		CPUSet: k.jails.newCPUSet(), SecureLevel: ppr.SecureLevel,
		OSRelDate: ppr.OSRelDate, OSRelease: ppr.OSRelease, EnforceStatfs: 2,
		DevfsRuleset: ppr.DevfsRuleset, VNET: c.vnet,
		Host: &prisonHost{UUID: "00000000-0000-0000-0000-000000000000"},
		kids: map[*prison]struct{}{},
	}
	if c.osrel != "" {
		pr.OSRelease = c.osrel
	}
	if c.osdate != 0 {
		pr.OSRelDate = c.osdate
	}
	for name := range defaultOn {
		pr.allow |= k.byParam[name].bit & ppr.allow
	}
	if !c.vnet {
		pr.IP4.inherit(c.ip4, ppr.IP4)
		pr.IP6.inherit(c.ip6, ppr.IP6)
	}
	k.jails.insert(pr)
	if pr.VNET {
		pr.stack = k.net.newStack(jid)
	}
	return pr
}

// inherit sets what a new jail has of a family: nothing, unless asked for.
func (ip *prisonIP) inherit(w ipWish, parent prisonIP) {
	switch {
	case !w.given:
		ip.User, ip.Restricted = true, true
	case !w.user:
		ip.Restricted, ip.Addrs = parent.Restricted, slices.Clone(parent.Addrs)
	}
}

// store sets the values and pushes what got narrower to the children.
func (c *setCall) store(pr *prison) {
	k := c.v.s
	c.ip4.store(pr, func(p *prison) *prisonIP { return &p.IP4 })
	c.ip6.store(pr, func(p *prison) *prisonIP { return &p.IP6 })
	each := func(f func(*prison)) {
		pr.walk(func(p *prison) bool { f(p); k.dirty.put(p.key(), p); return true })
	}
	if c.slevel.ok {
		pr.SecureLevel = c.slevel.v
		each(func(p *prison) { p.SecureLevel = max(p.SecureLevel, c.slevel.v) })
	}
	if c.kidmax.ok {
		pr.ChildMax = c.kidmax.v
		each(func(p *prison) {
			level := strings.Count(p.Name, ".") - strings.Count(pr.Name, ".")
			p.ChildMax = min(p.ChildMax, max(c.kidmax.v-level, 0))
		})
	}
	if c.statfs.ok {
		pr.EnforceStatfs = c.statfs.v
		each(func(p *prison) { p.EnforceStatfs = max(p.EnforceStatfs, c.statfs.v) })
	}
	if c.ruleset.ok {
		pr.DevfsRuleset = c.ruleset.v
		each(func(p *prison) { p.DevfsRuleset = c.ruleset.v })
	}
	c.host.store(pr)
	pr.allow = pr.allow&^c.allowNo | c.allowOn
	if c.allowNo != 0 {
		each(func(p *prison) { p.allow &^= c.allowNo; p.Allow = k.allowed(p) })
	}
	pr.Allow = k.allowed(pr)
	if c.persist != 0 {
		pr.Persist = c.persist > 0
	}
	if pr.Dead && pr.Persist {
		pr.Dead = false // 13.2 with JAIL_DYING
	}
	k.dirty.put(pr.key(), pr)
}

// allowed lists a jail's permissions by name.
func (k *machine) allowed(pr *prison) []string {
	var names []string
	for i := range k.params {
		if p := &k.params[i]; p.bit != 0 && !p.no && pr.allow&p.bit != 0 {
			names = append(names, p.Name)
		}
	}
	sort.Strings(names)
	return names
}

func (w ipWish) store(pr *prison, of func(*prison) *prisonIP) {
	ip := of(pr)
	if w.sel != 0 {
		ip.NoSaddrsel = w.sel < 0
	}
	if !w.user {
		return
	}
	ip.User, ip.Restricted, ip.Addrs = true, true, w.addrs
	pr.walk(func(p *prison) bool {
		if p.VNET {
			return false
		}
		kid, parent := of(p), of(p.parent)
		if kid.User {
			kid.Addrs = slices.DeleteFunc(kid.Addrs, func(a netip.Addr) bool { return !slices.Contains(parent.Addrs, a) })
		} else {
			kid.Restricted, kid.Addrs = true, slices.Clone(parent.Addrs)
		}
		return true
	})
}

func (w hostWish) store(pr *prison) {
	switch {
	case w.given && !w.own:
		pr.Host = nil
		return
	case !w.given:
		return
	case pr.Host == nil:
		own := *pr.hostOwner().Host
		pr.Host = &own
	}
	if w.name != nil {
		pr.Host.Name = *w.name
	}
	if w.domain != nil {
		pr.Host.Domain = *w.domain
	}
	if w.uuid != nil {
		pr.Host.UUID = *w.uuid
	}
	if w.id != nil {
		pr.Host.ID = *w.id
	}
}
