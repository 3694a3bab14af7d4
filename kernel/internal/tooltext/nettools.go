package tooltext

import (
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
)

// ParseIfconfig reads what ifconfig(8) prints with -a and with
// "-f inet:cidr,inet6:cidr". Lines it does not know are skipped.
func ParseIfconfig(text string) []kernel.Interface {
	var list []kernel.Interface
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if line == "" {
			continue
		}
		if line[0] != '\t' && line[0] != ' ' {
			// "vnet0: flags=8863<UP,BROADCAST> metric 0 mtu 1500"; a name may
			// hold colons, but no blanks.
			head, rest, ok := strings.Cut(line, ": flags=")
			if !ok {
				continue
			}
			nic := kernel.Interface{Name: head}
			fields := strings.Fields(rest)
			if len(fields) > 0 {
				flags, _, _ := strings.Cut(fields[0], "<")
				n, _ := strconv.ParseUint(flags, 16, 32)
				nic.Up = n&abi.FlagUp != 0
			}
			for i := 0; i+1 < len(fields); i++ {
				if fields[i] == "mtu" {
					nic.MTU, _ = strconv.Atoi(fields[i+1])
				}
			}
			list = append(list, nic)
			continue
		}
		if len(list) > 0 {
			ifconfigLine(&list[len(list)-1], strings.TrimSpace(line))
		}
	}
	return list
}

func ifconfigLine(nic *kernel.Interface, line string) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "ether":
		nic.MAC, _ = net.ParseMAC(strings.Fields(rest + " -")[0])
	case "description:":
		nic.Description = rest
	case "groups:":
		nic.Groups = strings.Fields(rest)
	case "inet", "inet6":
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			return
		}
		addr, bits, _ := strings.Cut(fields[0], "/")
		addr, _, _ = strings.Cut(addr, "%") // a prefix has no zone
		if p, err := netip.ParsePrefix(addr + "/" + bits); err == nil {
			nic.Addrs = append(nic.Addrs, p)
		}
	}
}

// Nd6Words are ifconfig(8)'s words for the flags of IPv6.
var Nd6Words = []struct {
	Flag kernel.ND6Flags
	Word string
}{
	{kernel.ND6AcceptRtadv, "accept_rtadv"}, {kernel.ND6IfDisabled, "ifdisabled"},
	{kernel.ND6AutoLinkLocal, "auto_linklocal"}, {kernel.ND6NoDAD, "no_dad"},
}

// ParseAddressState finds an IPv6 address in what ifconfig(8) prints.
func ParseAddressState(text string, addr netip.Addr) (kernel.AddressState, bool) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "inet6" {
			continue
		}
		have, _, _ := strings.Cut(fields[1], "/")
		have, _, _ = strings.Cut(have, "%")
		if a, err := netip.ParseAddr(have); err != nil || a != addr.WithZone("") {
			continue
		}
		is := func(word string) bool { return slices.Contains(fields[2:], word) }
		return kernel.AddressState{Tentative: is("tentative"), Duplicated: is("duplicated"), Autoconf: is("autoconf")}, true
	}
	return kernel.AddressState{}, false
}

// ParseBridgeMembers reads the members out of what ifconfig(8) prints of a
// bridge.
func ParseBridgeMembers(text string) []string {
	var members []string
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "member: "); ok {
			name, _, _ := strings.Cut(rest, " flags=")
			members = append(members, name)
		}
	}
	return members
}

// ParseLinkIndexes reads the interfaces' indexes out of "netstat -inW".
func ParseLinkIndexes(text string) map[string]int {
	indexes := map[string]int{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		if n, ok := strings.CutPrefix(fields[2], "<Link#"); ok {
			if i, err := strconv.Atoi(strings.TrimSuffix(n, ">")); err == nil {
				indexes[strings.TrimSuffix(fields[0], "*")] = i // * is an interface that is down
			}
		}
	}
	return indexes
}

// ParseNetstatRoutes reads the routes out of "netstat --libxo json -rnW",
// without the host routes to the stack's own addresses.
func ParseNetstatRoutes(text []byte, fib int) ([]kernel.Route, error) {
	var tree struct {
		Statistics struct {
			Information struct {
				Table struct {
					Families []struct {
						Family  string `json:"address-family"`
						Entries []struct {
							Destination string `json:"destination"`
							Gateway     string `json:"gateway"`
							Flags       string `json:"flags"`
							Interface   string `json:"interface-name"`
						} `json:"rt-entry"`
					} `json:"rt-family"`
				} `json:"route-table"`
			} `json:"route-information"`
		} `json:"statistics"`
	}
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	var list []kernel.Route
	for _, family := range tree.Statistics.Information.Table.Families {
		for _, e := range family.Entries {
			link := strings.HasPrefix(e.Gateway, "link#")
			if !strings.Contains(e.Flags, "U") || link && strings.Contains(e.Flags, "H") && strings.HasPrefix(e.Interface, "lo") {
				continue
			}
			r := kernel.Route{Interface: e.Interface, FIB: fib}
			var ok bool
			if r.Dest, ok = parseDestination(e.Destination, family.Family == "Internet6"); !ok {
				continue
			}
			if !link {
				gateway, err := netip.ParseAddr(e.Gateway)
				if err != nil {
					continue
				}
				r.Gateway = gateway.WithZone("")
			}
			list = append(list, r)
		}
	}
	return list, nil
}

func parseDestination(s string, v6 bool) (netip.Prefix, bool) {
	if s == "default" {
		if v6 {
			return netip.PrefixFrom(netip.IPv6Unspecified(), 0), true
		}
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0), true
	}
	text, bits, isPrefix := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, false
	}
	addr = addr.WithZone("")
	if !isPrefix {
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	n, err := strconv.Atoi(bits)
	p := netip.PrefixFrom(addr, n)
	return p, err == nil && p.IsValid()
}

// ToolError turns the output of ifconfig(8), route(8) or netstat(1) into an error
// of the call they made.
func ToolError(op, subject string, exit kernel.Exit, stdout, stderr string) error {
	if exit.Success() && (op != "route" || stderr == "") {
		return nil
	}
	// The reason comes last; route(8) prints the main one on standard output.
	said := strings.TrimSpace(stderr)
	if said == "" {
		said = strings.TrimSpace(stdout)
	}
	last := said[strings.LastIndexByte(said, '\n')+1:]
	_, _, _, errno := reasonIn(last)
	switch {
	case strings.Contains(said, "unknown oid"):
		errno = syscall.ENOENT
	case strings.HasSuffix(said, "does not exist"):
		errno = syscall.ENXIO
	case strings.Contains(stdout, "route already in table"), strings.Contains(last, "already exists"):
		errno = syscall.EEXIST
	case strings.Contains(stdout, "not in table"), strings.Contains(said, "not in table"):
		errno = syscall.ESRCH
	}
	err := refusal.Interface(op, subject, errno)
	if e, ok := errors.AsType[*kernel.CallError](err); ok {
		e.Msg = last
	}
	return err
}

// RouteRefused explains a gateway that is out of reach, for which netlink(4) of
// FreeBSD 15 reports EINVAL, rtsock of 13 and 14 ENETUNREACH.
func RouteRefused(r kernel.Route, err error) error {
	e, ok := errors.AsType[*kernel.CallError](err)
	if !ok || !r.Gateway.IsValid() || e.Errno != syscall.EINVAL && e.Errno != syscall.ENETUNREACH {
		return err
	}
	if e.Errno == syscall.EINVAL {
		e.Errno, e.Err = syscall.ENETUNREACH, syscall.EINVAL
	}
	e.Msg = precheck.OutOfReach(r)
	return e
}

// RouteArgs returns route(8)'s arguments for a route; through names an interface
// that the route itself goes through.
func RouteArgs(verb string, r kernel.Route, through string) []string {
	family := "-inet"
	if r.Dest.Addr().Is6() {
		family = "-inet6"
	}
	args := []string{"-n", verb, "-fib", strconv.Itoa(r.FIB), family}
	dest := r.Dest.Masked()
	if dest.IsSingleIP() {
		args = append(args, "-host", dest.Addr().String())
	} else {
		args = append(args, "-net", dest.String())
	}
	switch {
	case through != "" && !r.Gateway.IsValid():
		args = append(args, "-interface", through)
	case through != "":
		args = append(args, r.Gateway.String()+"%"+through)
	case r.Gateway.IsValid():
		args = append(args, r.Gateway.String())
	}
	return args
}
