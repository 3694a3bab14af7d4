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
	j, me := &c.v.s.jails, c.v.me
	ppr = me
	if c.creating() && c.jid == 0 && c.named {
		if n, e := strconv.Atoi(c.name[strings.LastIndexByte(c.name, '.')+1:]); e == nil {
			c.jid = n
		}
	}
	revive := c.flags&kernel.JailSetDead != 0 && !c.v.s.rel.deadJIDFree
	if c.jid < 0 {
		return nil, nil, "", refuse(syscall.EINVAL, "negative jid")
	}
	if c.jid != 0 {
		pr = j.byJID[c.jid]
		if pr != nil && !pr.alive() && c.v.s.rel.deadJIDFree {
			pr = nil
		}
		num := "jail " + strconv.Itoa(c.jid)
		switch {
		case pr != nil && c.creating():
			return nil, nil, "", refuse(syscall.EEXIST, num+" already exists")
		case pr == nil && c.flags&kernel.JailCreate == 0, pr != nil && !pr.below(me):
			return nil, nil, "", refuse(syscall.ENOENT, num+" not found")
		case pr != nil && !pr.parent.alive():
			return nil, nil, "", refuse(syscall.ENOENT, "jail "+strconv.Itoa(pr.parent.JID)+" is dying")
		case pr != nil && !pr.alive() && !revive:
			return nil, nil, "", refuse(syscall.ENOENT, num+" is dying")
		}
		if pr != nil {
			ppr = pr.parent
		}
	}
	if !c.named {
		if pr == nil && c.flags&kernel.JailCreate == 0 {
			return nil, nil, "", refuse(syscall.ENOENT, "update specified no jail")
		}
		return pr, ppr, "", nil
	}
	last = c.name
	if i := strings.LastIndexByte(c.name, '.'); i >= 0 {
		dir := c.name[:i]
		last = c.name[i+1:]
		if pr != nil {
			if c.v.s.rel.parentByPrefix && ppr.Name != dir || !c.v.s.rel.parentByPrefix {
				return nil, nil, "", refuse(syscall.EINVAL, "cannot change jail's parent")
			}
		} else {
			ppr = j.find(me, c.v.fullName(dir))
			if ppr == nil {
				return nil, nil, "", refuse(syscall.ENOENT, `jail "`+dir+`" not found`)
			}
			if !ppr.alive() {
				return nil, nil, "", refuse(syscall.ENOENT, `jail "`+dir+`" is dying`)
			}
		}
	}
	if last == "" {
		return pr, ppr, last, nil
	}
	pr, err = c.byName(pr, ppr, last, revive)
	return pr, ppr, last, err
}

// byName looks for a sibling that has the name: the jail to update, or the
// reason why none can be made.
func (c *setCall) byName(pr, ppr *prison, last string, revive bool) (*prison, error) {
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
	case dead != nil && revive:
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

// fullNameOf is the name to set, or "" when the name stays.
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

// moveDead gives a dying jail another jid, since FreeBSD 15 gives its own away.
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
