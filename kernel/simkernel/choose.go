package simkernel

import (
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

// choose finds the jail to update, or the parent and last name component of a
// jail to be made.
func (c *setCall) choose() (pr, ppr *prison, last string, err error) {
	c.takeJID()
	if pr, ppr, err = c.byJID(); err != nil {
		return nil, nil, "", err
	}
	if !c.named {
		if pr == nil && c.flags&kernel.JailCreate == 0 {
			return nil, nil, "", refuse(syscall.ENOENT, "update specified no jail")
		}
		return pr, ppr, "", nil
	}
	dir, last, dotted := cutName(c.name)
	if dotted {
		if ppr, err = c.parentNamed(pr, ppr, dir); err != nil {
			return nil, nil, "", err
		}
	}
	if last != "" {
		pr, err = c.byName(pr, ppr, last)
	}
	return pr, ppr, last, err
}

// takeJID lets a number at the end of a new jail's name be its jid.
func (c *setCall) takeJID() {
	if !c.creating() || c.jid != 0 || !c.named {
		return
	}
	_, last, _ := cutName(c.name)
	if n, err := strconv.Atoi(last); err == nil {
		c.jid = n
	}
}

// cutName splits a name at its last dot.
func cutName(name string) (dir, last string, dotted bool) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return "", name, false
	}
	return name[:i], name[i+1:], true
}

// revive reports whether a dying jail may be taken for the one to update.
func (c *setCall) revive() bool {
	return c.flags&kernel.JailSetDead != 0 && !c.v.s.rel.deadJIDFree
}

// byJID finds the jail with the requested jid, if any, and its
// parent, or the caller's jail as the parent of a new one.
func (c *setCall) byJID() (pr, ppr *prison, err error) {
	me := c.v.me
	switch {
	case c.jid < 0:
		return nil, nil, refuse(syscall.EINVAL, "negative jid")
	case c.jid == 0:
		return nil, me, nil
	}
	pr = c.v.s.jails.byJID[c.jid]
	if pr != nil && !pr.alive() && c.v.s.rel.deadJIDFree {
		pr = nil
	}
	num := "jail " + strconv.Itoa(c.jid)
	switch {
	case pr != nil && c.creating():
		return nil, nil, refuse(syscall.EEXIST, num+" already exists")
	case pr == nil && c.flags&kernel.JailCreate == 0, pr != nil && !pr.below(me):
		return nil, nil, refuse(syscall.ENOENT, num+" not found")
	case pr == nil:
		return nil, me, nil
	case !pr.parent.alive():
		return nil, nil, refuse(syscall.ENOENT, "jail "+strconv.Itoa(pr.parent.JID)+" is dying")
	case !pr.alive() && !c.revive():
		return nil, nil, refuse(syscall.ENOENT, num+" is dying")
	}
	return pr, pr.parent, nil
}

// parentNamed finds the parent that a dotted name begins with; that of a jail
// found by its jid stays.
func (c *setCall) parentNamed(pr, ppr *prison, dir string) (*prison, error) {
	if pr != nil {
		if !c.v.s.rel.jidKnowsParent || dir == "" || ppr.Name != dir {
			return nil, refuse(syscall.EINVAL, "cannot change jail's parent")
		}
		return ppr, nil
	}
	ppr = c.v.s.jails.find(c.v.me, c.v.fullName(dir))
	switch {
	case ppr == nil:
		return nil, refuse(syscall.ENOENT, `jail "`+dir+`" not found`)
	case !ppr.alive():
		return nil, refuse(syscall.ENOENT, `jail "`+dir+`" is dying`)
	}
	return ppr, nil
}

// byName looks for a sibling that has the name: the jail to update, or the
// reason why none can be made.
func (c *setCall) byName(pr, ppr *prison, last string) (*prison, error) {
	var dead *prison
	for _, p := range c.v.s.jails.byName[childName(ppr, last)] {
		if p == pr || p.parent != ppr {
			continue
		}
		if !p.alive() {
			dead = p
			continue
		}
		if pr == nil && !c.creating() {
			return p, nil
		}
		return nil, refuse(syscall.EEXIST, `jail "`+c.name+`" already exists`)
	}
	if pr != nil || c.creating() {
		return pr, nil
	}
	switch {
	case dead != nil && c.revive():
		return dead, nil
	case dead != nil && c.flags&kernel.JailCreate == 0:
		return nil, refuse(syscall.ENOENT, `jail "`+c.name+`" is dying`)
	case c.flags&kernel.JailCreate == 0:
		return nil, refuse(syscall.ENOENT, `jail "`+c.name+`" not found`)
	}
	return nil, nil
}

func childName(ppr *prison, last string) string {
	if ppr.parent == nil {
		return last
	}
	return ppr.Name + "." + last
}

// fullNameOf returns the name to set, or "" when the name stays.
func (c *setCall) fullNameOf(ppr, pr *prison, last string, jid int) (string, error) {
	if !c.named && pr != nil {
		return "", nil
	}
	if last == "" {
		last = strconv.Itoa(jid)
	} else if allDigits(last) && (last[0] == '0' || last != strconv.Itoa(jid)) {
		return "", refuse(syscall.EINVAL, "name cannot be numeric (unless it is the jid)")
	}
	full := childName(ppr, last)
	if len(full)+1 > 256 {
		return "", errno(syscall.ENAMETOOLONG)
	}
	tooLong := false
	if pr != nil {
		pr.walk(func(p *prison) bool {
			tooLong = tooLong || len(p.Name)-len(pr.Name)+len(full) >= 256
			return true
		})
	}
	if tooLong {
		return "", errno(syscall.ENAMETOOLONG)
	}
	return full, nil
}

func allDigits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

// moveDead changes the jid of a dying jail, since FreeBSD 15 reuses it at once.
func (j *jails) moveDead(pr *prison) {
	j.unlist(pr)
	jid := maxJID
	for j.byJID[jid] != nil {
		jid--
	}
	j.k.net.rekey(pr.JID, jid)
	j.k.procs.rekey(pr, jid)
	pr.JID = jid
	for kid := range pr.kids {
		kid.Parent = jid
		j.k.dirty.put(kid.key(), kid)
	}
	i := j.search(jid)
	j.list = slices.Insert(j.list, i, pr)
	j.byJID[jid] = pr
	j.k.dirty.put(pr.key(), pr)
}
