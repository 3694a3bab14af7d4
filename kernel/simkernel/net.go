package simkernel

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

// netIf is one interface.
type netIf struct {
	ID      int              `json:"id"`
	Stack   int              `json:"stack"` // jid of the jail whose stack it is in, 0 the host
	Home    int              `json:"home"`  // jid of the stack it was made in
	If      kernel.Interface `json:"if"`
	Addrs   []kernel.Address `json:"addrs,omitempty"`
	Driver  string           `json:"driver"`
	Unit    int              `json:"unit"`
	Clone   bool             `json:"clone"`
	Peer    int              `json:"peer,omitempty"`    // other end of an epair
	Members []int            `json:"members,omitempty"` // of a bridge
	Bridge  int              `json:"bridge,omitempty"`  // it is a member of
	VLAN    *kernel.VLAN     `json:"vlan,omitempty"`
	Static  []string         `json:"static,omitempty"` // MAC addresses bound to a member
	ND6     kernel.ND6Flags  `json:"nd6,omitempty"`
	// Autoconf are those of the addresses that were made from router advertisements.
	Autoconf []netip.Addr `json:"autoconf,omitempty"`

	Counted kernel.InterfaceCounters `json:"counted,omitzero"`
}

func (i *netIf) key() string { return "if/" + strconv.Itoa(i.ID) }

// netStack is one network stack, vnet(9).
type netStack struct {
	JID     int            `json:"jid"`
	Routes  []kernel.Route `json:"routes,omitempty"`
	LastIf  int            `json:"last_if"`
	Sysctls map[string]int `json:"sysctls,omitempty"`

	ifs []*netIf // by index
}

func (s *netStack) key() string { return "stack/" + strconv.Itoa(s.JID) }

type network struct {
	k      *machine
	ifs    map[int]*netIf
	stacks map[int]*netStack
	units  map[unitKey]bool
	lowest map[unitKey]int // by driver and home: no unit below it is free
	seq    int
}

// unitKey is a driver's unit in the stack where it was made.
type unitKey struct {
	home   int
	driver string
	unit   int
}

func (n *network) clear() {
	n.ifs, n.stacks = map[int]*netIf{}, map[int]*netStack{}
	n.units, n.lowest = map[unitKey]bool{}, map[unitKey]int{}
	n.stacks[0] = &netStack{}
}

// init makes the host's stack: lo0 and one network card.
func (n *network) init(k *machine) {
	*n = network{k: k}
	n.clear()
	host := n.stacks[0]
	card := n.add(host, "em", 0, kernel.Interface{
		Name: k.opts.Ether, MTU: 1500, Up: true,
		MAC: net.HardwareAddr{0x58, 0x9c, 0xfc, 0, 0, 1},
	})
	card.Clone = false
	lo := n.loopback(host)
	lo.If.Up = true
	for _, p := range []string{"127.0.0.1/8", "::1/128", "fe80::1/64"} {
		lo.Addrs = append(lo.Addrs, kernel.Address{Prefix: netip.MustParsePrefix(p)})
	}
	k.dirty.put(host.key(), host)
}

func (n *network) loopback(s *netStack) *netIf {
	lo := n.add(s, "lo", 0, kernel.Interface{Name: "lo0", MTU: 16384, Groups: []string{"lo"}})
	lo.Clone = false
	return lo
}

func (n *network) add(s *netStack, driver string, unit int, i kernel.Interface) *netIf {
	n.seq++
	s.LastIf++
	i.Index = s.LastIf
	f := &netIf{ID: n.seq, Stack: s.JID, Home: s.JID, If: i, Driver: driver, Unit: unit, Clone: true}
	n.put(f, s)
	n.k.dirty.put(f.key(), f)
	n.k.dirty.put(s.key(), s)
	n.k.dirty.boot()
	return f
}

func (n *network) put(f *netIf, s *netStack) {
	n.ifs[f.ID] = f
	n.units[unitKey{f.Home, f.Driver, f.Unit}] = true
	s.ifs = append(s.ifs, f)
}

// out takes an interface from its stack's list.
func (n *network) out(f *netIf) {
	if s := n.stacks[f.Stack]; s != nil {
		s.ifs = slices.DeleteFunc(s.ifs, func(g *netIf) bool { return g == f })
	}
}

func (n *network) newStack(jid int) *netStack {
	s := &netStack{JID: jid}
	n.stacks[jid] = s
	n.loopback(s)
	return s
}

func (n *network) stackOf(jid int) *netStack {
	if n.stacks[jid] == nil {
		n.stacks[jid] = &netStack{JID: jid}
	}
	return n.stacks[jid]
}

// dropStack ends a jail's stack: what was moved into it returns home, what was
// made in it is destroyed.
func (n *network) dropStack(pr *prison) {
	if pr.stack == nil {
		return
	}
	for _, f := range n.in(pr.stack) {
		if f.Home == pr.stack.JID || n.stacks[f.Home] == nil {
			n.destroy(f)
			continue
		}
		n.move(f, n.stacks[f.Home]) // where another may have its name by now; the kernel minds no more
	}
	delete(n.stacks, pr.stack.JID)
	n.k.dirty.drop(pr.stack.key())
}

// in lists the interfaces of a stack by index.
func (n *network) in(s *netStack) []*netIf { return slices.Clone(s.ifs) }

// find returns the interface of that name; of two that have it the older one.
func (n *network) find(s *netStack, name string) *netIf {
	for _, f := range s.ifs {
		if f.If.Name == name {
			return f
		}
	}
	return nil
}

// rekey follows a dying jail that gets another jid, which is what its stack is
// known by here.
func (n *network) rekey(from, to int) {
	s := n.stacks[from]
	if s == nil {
		return
	}
	delete(n.stacks, from)
	n.k.dirty.drop(s.key())
	s.JID = to
	n.stacks[to] = s
	n.k.dirty.put(s.key(), s)
	for _, f := range n.ifs {
		if f.Stack == from {
			f.Stack = to
			n.touch(f)
		}
		if f.Home == from {
			delete(n.units, unitKey{from, f.Driver, f.Unit})
			f.Home = to
			n.units[unitKey{to, f.Driver, f.Unit}] = true
			n.touch(f)
		}
	}
}

func (n *network) touch(f *netIf) { n.k.dirty.put(f.key(), f) }

// leave takes an interface out of its bridge.
func (n *network) leave(f *netIf) {
	if b := n.ifs[f.Bridge]; b != nil {
		b.Members = slices.DeleteFunc(b.Members, func(id int) bool { return id == f.ID })
		n.touch(b)
	}
	f.Bridge, f.Static = 0, nil
}

// forget takes addresses and the routes through an interface away.
func (n *network) forget(f *netIf) {
	f.Addrs = nil
	if s := n.stacks[f.Stack]; s != nil {
		s.Routes = slices.DeleteFunc(s.Routes, func(r kernel.Route) bool { return r.Interface == f.If.Name })
		n.k.dirty.put(s.key(), s)
	}
}

// move takes an interface to another stack. It loses addresses, bridge and
// groups, except for its driver's own group while it is in another stack, and is
// down; name, MTU, MAC address and description stay.
func (n *network) move(f *netIf, to *netStack) {
	n.leave(f)
	n.forget(f)
	n.out(f)
	to.LastIf++
	f.Stack, f.If.Index, f.If.Up, f.If.Groups = to.JID, to.LastIf, false, nil
	if to.JID != f.Home {
		f.If.Groups = slices.Clone(cloners[f.Driver].Groups)
	}
	to.ifs = append(to.ifs, f)
	n.k.dirty.put(to.key(), to)
	n.touch(f)
}

func (n *network) destroy(f *netIf) {
	gone := []*netIf{f}
	if p := n.ifs[f.Peer]; p != nil {
		gone = append(gone, p)
	}
	for _, g := range gone {
		n.leave(g)
		n.forget(g)
		for _, id := range g.Members {
			if m := n.ifs[id]; m != nil {
				m.Bridge, m.Static = 0, nil
				n.touch(m)
			}
		}
		n.out(g)
		delete(n.ifs, g.ID)
		delete(n.units, unitKey{g.Home, g.Driver, g.Unit})
		low := unitKey{g.Home, g.Driver, 0}
		n.lowest[low] = min(n.lowest[low], g.Unit)
		n.k.dirty.drop(g.key())
	}
}

func (n *network) keys() (keys []string) {
	for _, f := range n.ifs {
		keys = append(keys, f.key())
	}
	for _, s := range n.stacks {
		keys = append(keys, s.key())
	}
	return keys
}

func (n *network) loadIf(_ string, value []byte) error {
	f := &netIf{}
	if err := json.Unmarshal(value, f); err != nil {
		return err
	}
	n.put(f, n.stackOf(f.Stack))
	st := n.stackOf(f.Stack)
	sort.Slice(st.ifs, func(i, j int) bool { return st.ifs[i].If.Index < st.ifs[j].If.Index })
	return nil
}

func (n *network) loadStack(_ string, value []byte) error {
	s := &netStack{}
	if err := json.Unmarshal(value, s); err != nil {
		return err
	}
	if pr := n.k.jails.byJID[s.JID]; pr != nil {
		pr.stack = s
	}
	n.stacks[s.JID] = s
	return nil
}

// cloners are the drivers that make interfaces on demand.
var cloners = map[string]kernel.Interface{
	"epair":  {MTU: 1500, Groups: []string{"epair"}},
	"bridge": {MTU: 1500, Groups: []string{"bridge"}},
	"vlan":   {MTU: 1500, Groups: []string{"vlan"}},
	"lo":     {MTU: 16384, Groups: []string{"lo"}},
	"tap":    {MTU: 1500, Groups: []string{"tap"}},
}

// clone makes an interface of "driver" or "driverN".
// maxUnit is IF_MAXUNIT of sys/net/if_clone.h.
const maxUnit = 0x7fff

func (n *network) clone(s *netStack, spec string) (*netIf, syscall.Errno) {
	driver := strings.TrimRight(spec, "0123456789")
	model, ok := cloners[driver]
	if !ok {
		return nil, syscall.EINVAL
	}
	suffix := ""
	if driver == "epair" {
		suffix = "a"
	}
	unit, wanted := 0, spec != driver
	if wanted {
		var err error
		if unit, err = strconv.Atoi(spec[len(driver):]); err != nil || strconv.Itoa(unit) != spec[len(driver):] {
			return nil, syscall.EINVAL
		}
		if unit > maxUnit {
			return nil, syscall.ENOSPC
		}
	}
	low := unitKey{s.JID, driver, 0}
	if !wanted {
		unit = n.lowest[low]
	}
	for n.units[unitKey{s.JID, driver, unit}] || n.find(s, driver+strconv.Itoa(unit)+suffix) != nil {
		if wanted {
			return nil, syscall.EEXIST
		}
		unit++
	}
	if !wanted {
		n.lowest[low] = unit + 1
	}
	model.Groups = slices.Clone(model.Groups)
	model.Name = driver + strconv.Itoa(unit) + suffix
	model.MAC = cloneMAC(driver, n.seq, 0x0a)
	f := n.add(s, driver, unit, model)
	if driver == "epair" {
		model.Groups = slices.Clone(model.Groups)
		model.Name = driver + strconv.Itoa(unit) + "b"
		model.MAC = append(slices.Clone(f.If.MAC[:5]), 0x0b)
		peer := n.add(s, driver, unit, model)
		peer.Peer, f.Peer = f.ID, peer.ID
	}
	return f, 0
}

// cloneMAC returns an address as the driver forms it.
func cloneMAC(driver string, seq int, last byte) net.HardwareAddr {
	switch driver {
	case "epair":
		return net.HardwareAddr{0x02, 0x54, 0x40, byte(seq >> 8), byte(seq), last}
	case "bridge", "tap":
		return net.HardwareAddr{0x58, 0x9c, 0xfc, 0x10, byte(seq >> 8), byte(seq)}
	}
	return nil
}

func routeText(r kernel.Route) string {
	s := r.Dest.String()
	if r.Gateway.IsValid() {
		s += " " + r.Gateway.String()
	}
	if r.Interface != "" {
		s += " -iface " + r.Interface
	}
	if r.FIB != 0 {
		s += fmt.Sprintf(" fib %d", r.FIB)
	}
	return s
}
