package kerneltest

import (
	"net/netip"
	"slices"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

func jailAddresses(s *suite) {
	a := func(last ...byte) (list []netip.Addr) {
		for _, b := range last {
			list = append(list, netip.AddrFrom4([4]byte{192, 0, 2, b}))
		}
		return list
	}
	s.jail("kerneltest", kernel.Addrs("ip4.addr", a(30, 20, 10)...))
	got := s.get("kerneltest", "ip4.addr").Addrs("ip4.addr", 4)
	if !slices.Equal(got, a(30, 10, 20)) {
		s.Fatalf("the first stays and the rest is sorted: %v", got)
	}
	_, err := s.Kernel.JailSet(s.ctx, kernel.JailCreate, kernel.String("name", "kerneltest2"), kernel.String("path", s.Dir),
		kernel.Bool("persist", true), kernel.Addrs("ip4.addr", a(31, 20)...))
	s.refuses(err, syscall.EADDRINUSE, "IPv4 addresses clash")
	s.ok(s.set("kerneltest", kernel.Addrs("ip4.addr", a(77)...)))
	s.jail("kerneltest2", kernel.Addrs("ip4.addr", a(77)...)) // one address each may be shared
	s.ok(s.set("kerneltest", kernel.Addrs("ip4.addr")))
	equal(s, "emptied", len(s.get("kerneltest", "ip4.addr").Addrs("ip4.addr", 4)), 0)
	s.jail("kerneltest3", kernel.Jailsys("ip4", kernel.JailSysInherit), kernel.Jailsys("ip6", kernel.JailSysInherit))
	p := s.get("kerneltest3", "ip4", "ip6")
	equal(s, "ip4", kernel.JailSys(p.Int("ip4")), kernel.JailSysInherit)
	equal(s, "ip6", kernel.JailSys(p.Int("ip6")), kernel.JailSysInherit)
	six := netip.MustParseAddr("2001:db8::1")
	s.jail("kerneltest4", kernel.Addrs("ip6.addr", six))
	if got := s.get("kerneltest4", "ip6.addr").Addrs("ip6.addr", 16); !slices.Equal(got, []netip.Addr{six}) {
		s.Fatalf("ip6.addr %v", got)
	}
}

func jailNested(s *suite) {
	parent := s.jail("kerneltest", kernel.Int("children.max", 1))
	s.jail("kerneltest.a")
	s.jail("kerneltest.b") // children.max does not bind the host
	grand := s.jail("kerneltest.a.c")
	equal(s, "children.cur", s.get("kerneltest", "children.cur").Int("children.cur"), 3)
	equal(s, "parent", s.get("kerneltest.a", "parent").Int("parent"), parent.JID)
	// Only the jail at the top is renamed here: FreeBSD garbles the names below
	// a nested jail that gets a name of another length (kern_jail_set).
	_, err := s.Kernel.JailSet(s.ctx, kernel.JailUpdate, kernel.ByJID(parent.JID), kernel.String("name", "kerneltest2"))
	s.ok(err)
	equal(s, "the child's child is renamed too", s.get("kerneltest2.a.c", "jid").Int("jid"), grand.JID)
	s.fails(s.Kernel.JailRemove(s.ctx, parent), kernel.ErrStale)
	parent.Name = "kerneltest2"
	s.ok(s.Kernel.JailRemove(s.ctx, parent))
	_, err = s.Kernel.JailGet(s.ctx, 0, kernel.ByJID(grand.JID), "name")
	s.fails(err, kernel.ErrNotFound)
}

func jailLimits(s *suite) {
	s.jail("kerneltest", kernel.Int("children.max", 3), kernel.Bool("allow.raw_sockets", true))
	s.jail("kerneltest.a", kernel.Bool("allow.raw_sockets", true))
	s.refuses(s.set("kerneltest.a", kernel.Int("children.max", 3)), syscall.EPERM, "")
	s.refuses(s.set("kerneltest.a", kernel.Bool("allow.chflags", true)), syscall.EPERM, "")
	s.refuses(s.set("kerneltest.a", kernel.Int("enforce_statfs", 1)), syscall.EPERM, "")
	s.ok(s.set("kerneltest", kernel.Bool("allow.raw_sockets", false)))
	equal(s, "taken from the child as well", s.get("kerneltest.a", "allow.raw_sockets").Bool("allow.raw_sockets"), false)
	s.ok(s.set("kerneltest", kernel.Int("securelevel", 2), kernel.Int("devfs_ruleset", 5)))
	p := s.get("kerneltest.a", "securelevel", "devfs_ruleset")
	equal(s, "securelevel", p.Int("securelevel"), 2)
	equal(s, "devfs_ruleset", p.Int("devfs_ruleset"), 5)
	_, err := s.Kernel.JailSet(s.ctx, kernel.JailCreate, kernel.String("name", "kerneltest.ip"), kernel.String("path", s.Dir),
		kernel.Bool("persist", true), kernel.Addrs("ip4.addr", netip.MustParseAddr("192.0.2.1")))
	s.refuses(err, syscall.EPERM, "")
}
