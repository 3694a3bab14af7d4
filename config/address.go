package config

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Method is how a nic gets an address.
type Method uint8

// The methods.
const (
	Static       Method = iota // Addr and Bits
	DHCP                       // dhcp: requested at start
	RouterAdvert               // accept_rtadv: stateless autoconfiguration
	AutoIP4                    // AUTOIP4: legacy picks a free address
)

var methodWords = [...]string{"", "dhcp", "accept_rtadv", "AUTOIP4"}

// An Address is one item of ip4_addr or ip6_addr.
type Address struct {
	// Interface is the nic: the host's without vnet, the jail's with it.
	// Empty for a bare address as written by iocage, DEFAULT for the nic of the
	// host's default route; both are resolved at each start.
	Interface string
	Method    Method
	Addr      netip.Addr // Static only; may have a zone
	Bits      int        // prefix length; 32 or 128 when none was written
	Options   string     // more arguments of ifconfig(8), such as "vhid 3"
}

// String returns nic|address/length, or the method's word in place of the address.
func (a Address) String() string {
	text := methodWords[a.Method]
	if a.Method == Static {
		text = a.Addr.String() + "/" + strconv.Itoa(a.Bits)
	}
	if a.Interface != "" {
		text = a.Interface + "|" + text
	}
	if a.Options != "" {
		text += " " + a.Options
	}
	return text
}

// Prefix returns the address with its length. A zone is not part of it.
func (a Address) Prefix() netip.Prefix { return netip.PrefixFrom(a.Addr.WithZone(""), a.Bits) }

// Addresses is an ordered list of addresses of one family. The kernel keeps
// the first one as the jail's primary address, so the order is significant.
type Addresses []Address

// String returns the addresses joined by commas, none for an empty list.
func (l Addresses) String() string { return joined(l, ",") }

// On returns the addresses of one nic, in order.
func (l Addresses) On(nic string) Addresses {
	return slices.DeleteFunc(slices.Clone(l), func(a Address) bool { return a.Interface != nic })
}

// parseAddresses reads a comma separated list of IPv4 (v6 false) or IPv6
// addresses in every form written by libioc, iocage and legacy: nic|addr/len,
// nic|addr, netmask and hostmask instead of a length, a bare address, dhcp,
// accept_rtadv, AUTOIP4. A none word is an empty list. A missing length is 32
// or 128, as with jail(8).
func parseAddresses(text string, v6 bool) (Addresses, error) {
	if isNone(text) {
		return nil, nil
	}
	list := make(Addresses, 0, strings.Count(text, ",")+1)
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			return nil, invalid("empty item; expected <nic>|<address>")
		}
		a, err := parseItem(item, v6)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}

func parseItem(item string, v6 bool) (Address, error) {
	var a Address
	nic, rest, found := strings.Cut(item, "|")
	if found {
		if nic == "" {
			return a, invalid("empty nic; expected <nic>|<address>")
		}
		if err := checkNICText(nic); err != nil {
			return a, err
		}
		a.Interface = nic
	} else {
		rest = item
	}
	addr, options, _ := strings.Cut(rest, " ")
	a.Options = strings.Join(strings.Fields(options), " ")
	if strings.Contains(a.Options, "|") {
		return a, invalid("more than one | in %q", item)
	}
	for m, word := range methodWords {
		if m := Method(m); m != Static && strings.EqualFold(addr, word) && v6 == (m == RouterAdvert) {
			a.Method = m
			return a, nil
		}
	}
	var err error
	a.Addr, a.Bits, err = parseAddress(addr, v6)
	return a, err
}

// parseAddress reads one address of the wanted family with an optional length,
// netmask or hostmask. Leading zeros and blanks are refused.
func parseAddress(text string, v6 bool) (netip.Addr, int, error) {
	host, length, found := strings.Cut(text, "/")
	addr, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return addr, 0, invalid("%q is not an IP address", host)
	case addr.Is4() == v6:
		return addr, 0, invalid("%q belongs to the other address family", host)
	case !printable(addr.Zone()):
		return addr, 0, invalid("invalid scope in %q", host)
	}
	bits := addr.BitLen()
	if found {
		if bits, err = parseLength(length, addr.BitLen()); err != nil {
			return addr, 0, err
		}
	}
	return addr, bits, nil
}

func parseLength(text string, limit int) (int, error) {
	if text != "" && strings.Trim(text, "0123456789") == "" {
		n, err := strconv.Atoi(text)
		if err != nil || n > limit {
			return 0, invalid("prefix length %q exceeds %d", text, limit)
		}
		return n, nil
	}
	mask, err := netip.ParseAddr(text)
	if limit != 32 || err != nil || !mask.Is4() {
		return 0, invalid("%q is neither a prefix length nor a netmask", text)
	}
	b := mask.As4()
	m := binary.BigEndian.Uint32(b[:])
	if m>>31 == 0 && m != 0 {
		m = ^m // 0.0.0.255, a hostmask
	}
	ones := bits.LeadingZeros32(^m)
	if m<<ones != 0 {
		return 0, invalid("netmask %q is not contiguous", text)
	}
	return ones, nil
}

// checkAddresses rejects addresses that may not be set. A file with one still
// loads.
func checkAddresses(list Addresses) error {
	seen := make(map[netip.Addr]bool, len(list))
	for _, a := range list {
		if a.Interface != "" {
			if err := validNIC(a.Interface); err != nil {
				return err
			}
		}
		if a.Method != Static {
			continue
		}
		plain := a.Addr.WithZone("")
		switch {
		case plain.IsMulticast():
			return invalid("%s is a multicast address", plain)
		case plain.IsUnspecified():
			return invalid("%s is the unspecified address", plain)
		case plain.Is4() && a.Bits < 31 && a.Prefix().Masked().Addr() == plain:
			return invalid("%s is a network, not a host", a.Prefix())
		case seen[a.Addr]:
			return invalid("%s is listed twice", plain)
		}
		seen[a.Addr] = true
	}
	return nil
}

// checkNICText rejects characters that no system allows in an interface name.
func checkNICText(nic string) error {
	if strings.ContainsFunc(nic, func(c rune) bool { return c <= ' ' || strings.ContainsRune("\x7f/|", c) }) {
		return invalid("nic %q has a blank, slash or control character", nic)
	}
	return nil
}

// validNIC checks a name as checkNICText does, and that it has at most 15 bytes
// (IFNAMSIZ-1).
func validNIC(nic string) error {
	if nic == "" || len(nic) > 15 {
		return invalid("nic %q is not 1 to 15 bytes long", nic)
	}
	return checkNICText(nic)
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || strings.ContainsRune("\x7f,|/@", c) })
}
