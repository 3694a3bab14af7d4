package simkernel

import (
	"encoding/json"
	"net/netip"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
)

type addrs = []netip.Addr

// prisonIP is what a jail may use of one address family.
type prisonIP struct {
	User       bool         `json:"user,omitempty"`       // restricted by its own choice
	Restricted bool         `json:"restricted,omitempty"` // to Addrs, its own or its parent's
	Addrs      []netip.Addr `json:"addrs,omitempty"`
	NoSaddrsel bool         `json:"no_saddrsel,omitempty"`
}

// prisonHost is a jail's own host.* values.
type prisonHost struct {
	Name   string `json:"hostname"`
	Domain string `json:"domainname"`
	UUID   string `json:"hostuuid"`
	ID     uint64 `json:"hostid"`
}

// prison is one jail; jid 0 is the host.
type prison struct {
	JID           int         `json:"jid"`
	Name          string      `json:"name"` // full dotted name
	Parent        int         `json:"parent"`
	Path          string      `json:"path"` // as the host sees it
	CPUSet        uint64      `json:"cpuset"`
	CPUs          []int       `json:"cpus,omitempty"` // nil: the parent's
	Persist       bool        `json:"persist"`
	Dead          bool        `json:"dead,omitempty"`
	Owned         bool        `json:"owned,omitempty"` // by a descriptor of this process
	SecureLevel   int         `json:"securelevel"`
	OSRelDate     int         `json:"osreldate"`
	OSRelease     string      `json:"osrelease"`
	EnforceStatfs int         `json:"enforce_statfs"`
	DevfsRuleset  int         `json:"devfs_ruleset"`
	ChildMax      int         `json:"children_max"`
	VNET          bool        `json:"vnet,omitempty"`
	Host          *prisonHost `json:"host,omitempty"` // nil: the parent's
	IP4           prisonIP    `json:"ip4"`
	IP6           prisonIP    `json:"ip6"`
	Allow         []string    `json:"allow"` // of allow, for the record
	Mod           moduleState `json:"modules"`
	Procs         int         `json:"procs,omitempty"` // processes now
	Holds         int         `json:"holds,omitempty"` // references of HoldDying

	allow      uint64
	root       place
	parent     *prison
	kids       map[*prison]struct{}
	childCount int
	strays     int // processes of an earlier Kernel, known by number only
	gone       bool
	stack      *netStack // with VNET
}

func (pr *prison) alive() bool { return !pr.Dead }
func (pr *prison) key() string { return "jail/" + strconv.Itoa(pr.JID) }

// hostOwner returns the jail whose host.* values pr uses.
func (pr *prison) hostOwner() *prison {
	for pr.Host == nil {
		pr = pr.parent
	}
	return pr
}

// Below reports whether pr is a descendant of anc.
func (pr *prison) below(anc *prison) bool {
	for p := pr.parent; p != nil; p = p.parent {
		if p == anc {
			return true
		}
	}
	return false
}

// walk visits the descendants of pr, parents first; a false answer skips the
// children.
func (pr *prison) walk(visit func(*prison) bool) {
	kids := make([]*prison, 0, len(pr.kids))
	for kid := range pr.kids {
		kids = append(kids, kid)
	}
	sort.Slice(kids, func(i, j int) bool { return kids[i].JID < kids[j].JID })
	for _, kid := range kids {
		if visit(kid) {
			kid.walk(visit)
		}
	}
}

// jails is the set of jails.
type jails struct {
	k       *machine
	host    *prison
	list    []*prison // by jid
	byJID   map[int]*prison
	byName  map[string][]*prison
	cpusets map[uint64]bool
	nextSet uint64 // no id below it is free
	lastJID int
}

func (j *jails) init(k *machine) {
	*j = jails{
		k: k, byJID: map[int]*prison{}, byName: map[string][]*prison{},
		cpusets: map[uint64]bool{}, nextSet: k.opts.IncarnationBase, lastJID: k.opts.FirstJID - 1,
	}
	j.host = &prison{
		Path: "/", Persist: true, SecureLevel: -1, OSRelDate: k.rel.osreldate,
		OSRelease: k.opts.Release, ChildMax: maxJID,
		Host:  &prisonHost{Name: k.opts.Hostname, UUID: k.opts.HostUUID, ID: k.opts.HostID},
		allow: ^uint64(0), kids: map[*prison]struct{}{},
		Mod: moduleState{Sysv: map[string]kernel.JailSys{"sysvmsg": kernel.JailSysNew, "sysvsem": kernel.JailSysNew, "sysvshm": kernel.JailSysNew},
			LinuxOwn: true, LinuxName: "Linux", LinuxRelease: "4.4.0", LinuxOSS: 198144},
	}
}

// maxJID is JAIL_MAX of sys/jail.h.
const maxJID = 999999

// nextJID returns the next automatic jid: after the last one, wrapping once; 0 when
// all are taken.
func (j *jails) nextJID() int {
	for range maxJID {
		j.lastJID++
		if j.lastJID > maxJID {
			j.lastJID = 1
		}
		if j.byJID[j.lastJID] == nil {
			j.k.dirty.boot()
			return j.lastJID
		}
	}
	return 0
}

// newCPUSet takes the lowest free id, as cpuset(2) does.
func (j *jails) newCPUSet() uint64 {
	for j.cpusets[j.nextSet] {
		j.nextSet++
	}
	j.cpusets[j.nextSet] = true
	return j.nextSet
}

func (j *jails) freeCPUSet(id uint64) {
	delete(j.cpusets, id)
	j.nextSet = min(j.nextSet, id)
}

func (j *jails) search(jid int) int {
	return sort.Search(len(j.list), func(i int) bool { return j.list[i].JID >= jid })
}

func (j *jails) insert(pr *prison) {
	i := j.search(pr.JID)
	j.list = append(j.list, nil)
	copy(j.list[i+1:], j.list[i:])
	j.list[i] = pr
	j.byJID[pr.JID] = pr
	j.byName[pr.Name] = append(j.byName[pr.Name], pr)
	pr.parent.kids[pr] = struct{}{}
	for p := pr.parent; p != nil; p = p.parent {
		p.childCount++
	}
	j.k.dirty.put(pr.key(), pr)
}

func (j *jails) unlist(pr *prison) {
	i := j.search(pr.JID)
	j.list = append(j.list[:i], j.list[i+1:]...)
	delete(j.byJID, pr.JID)
	j.k.dirty.drop(pr.key())
}

func (j *jails) unname(pr *prison) {
	same := j.byName[pr.Name]
	for i := range same {
		if same[i] == pr {
			same = append(same[:i:i], same[i+1:]...)
			break
		}
	}
	if len(same) == 0 {
		delete(j.byName, pr.Name)
	} else {
		j.byName[pr.Name] = same
	}
}

// rename changes the full names of pr and its descendants.
func (j *jails) rename(pr *prison, name string) {
	old := pr.Name
	set := func(p *prison, name string) {
		j.unname(p)
		p.Name = name
		j.byName[name] = append(j.byName[name], p)
		j.k.dirty.put(p.key(), p)
	}
	pr.walk(func(p *prison) bool {
		set(p, name+strings.TrimPrefix(p.Name, old))
		return true
	})
	set(pr, name)
}

// find returns the jail of that full name below me, a living one first.
func (j *jails) find(me *prison, name string) *prison {
	var dead *prison
	for _, pr := range j.byName[name] {
		switch {
		case !pr.below(me):
		case pr.alive():
			return pr
		case dead == nil:
			dead = pr
		}
	}
	return dead
}

// settle ends a jail that nothing uses and drops one that nothing refers to.
func (j *jails) settle(pr *prison) {
	if pr == nil || pr.parent == nil || pr.gone {
		return
	}
	if !pr.Dead && !pr.Persist && pr.Procs == 0 && !pr.hasLivingKid() {
		pr.Dead = true
		j.k.dirty.put(pr.key(), pr)
	}
	if !pr.Dead || pr.Procs > 0 || pr.Holds > 0 || len(pr.kids) > 0 {
		return
	}
	pr.gone = true
	j.unlist(pr)
	j.unname(pr)
	j.freeCPUSet(pr.CPUSet)
	delete(pr.parent.kids, pr)
	for p := pr.parent; p != nil; p = p.parent {
		p.childCount--
	}
	j.k.net.dropStack(pr)
	j.settle(pr.parent)
}

func (pr *prison) hasLivingKid() bool {
	for kid := range pr.kids {
		if kid.alive() {
			return true
		}
	}
	return false
}

// kill is jail_remove(2): pr and its descendants are dying from now on, and
// their processes get SIGKILL.
func (j *jails) kill(pr *prison) {
	var all []*prison
	pr.walk(func(p *prison) bool { all = append(all, p); return true })
	all = append([]*prison{pr}, all...)
	for _, p := range all {
		p.Dead, p.Persist = true, false
		p.Procs -= p.strays
		p.strays = 0
		j.k.dirty.put(p.key(), p)
	}
	for i := len(all) - 1; i >= 0; i-- {
		j.k.procs.signalJail(all[i], int(syscall.SIGKILL))
		j.settle(all[i])
	}
	j.settle(pr.parent)
}

// Check returns the living jail that an identity names.
func (j *jails) check(op string, id kernel.Identity) (*prison, error) {
	pr := j.byJID[id.JID]
	if pr == nil || id.JID == 0 {
		return nil, &kernel.JailError{Op: op, Name: id.Name, Errno: syscall.EINVAL, Msg: "no such jail", Err: kernel.ErrNotFound}
	}
	if !precheck.SameLife(id, kernel.Identity{JID: pr.JID, Name: pr.Name, Incarnation: pr.CPUSet}) {
		return nil, &kernel.JailError{Op: op, Name: id.Name, Msg: "jid " + strconv.Itoa(id.JID) + " is another jail", Err: kernel.ErrStale}
	}
	return pr, nil
}

func (j *jails) load(_ string, value []byte) error {
	pr := &prison{kids: map[*prison]struct{}{}}
	if err := json.Unmarshal(value, pr); err != nil {
		return err
	}
	for _, name := range pr.Allow {
		if p := j.k.byParam[name]; p != nil {
			pr.allow |= p.bit
		}
	}
	pr.strays, pr.Holds = pr.Procs, 0
	j.byJID[pr.JID] = pr
	j.list = append(j.list, pr)
	return nil
}

// linked joins loaded jails to their parents, in order of jid, and drops what
// only the processes of the earlier Kernel kept dying.
func (j *jails) linked() error {
	sort.Slice(j.list, func(a, b int) bool { return j.list[a].JID < j.list[b].JID })
	all := append([]*prison(nil), j.list...)
	for _, pr := range all {
		parent := j.host
		if pr.Parent != 0 {
			if parent = j.byJID[pr.Parent]; parent == nil {
				return &kernel.CallError{Op: "load", Subject: pr.key(), Msg: "its parent is missing", Err: kernel.ErrNotFound}
			}
		}
		pr.parent = parent
		parent.kids[pr] = struct{}{}
		j.byName[pr.Name] = append(j.byName[pr.Name], pr)
		j.cpusets[pr.CPUSet] = true
		pr.root = j.k.mounts.placeOf(pr.Path)
		if pr.VNET {
			pr.stack = j.k.net.stackOf(pr.JID)
		}
	}
	for _, pr := range all {
		for p := pr.parent; p != nil; p = p.parent {
			p.childCount++
		}
	}
	for _, pr := range all {
		if pr.Owned && pr.alive() && !pr.gone {
			j.kill(pr)
		}
	}
	for _, pr := range all {
		if pr.Dead {
			pr.Procs, pr.strays = 0, 0
			j.settle(pr)
		}
	}
	return nil
}
