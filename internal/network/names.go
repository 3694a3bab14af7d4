package network

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/kernel"
)

// maxName is the longest name of an interface, IFNAMSIZ-1.
const maxName = 15

// maxUnit is the largest unit of a cloned interface, IF_MAXUNIT of
// sys/net/if_clone.h: the kernel answers ENOSPC to others. Units of ours are the
// upper half, far from those that anybody else gets.
const (
	maxUnit   = 0x7fff
	firstUnit = 0x4000
)

// Group is the interface group of every host end, ifconfig(8).
const Group = "ioc"

// Names are the names on the host of the parts of one nic.
type Names struct {
	Host string // the host's end: vnet0.7
	// Secure VNET only: the second epair, A in the public bridge, B in the
	// private one, and the private bridge.
	A, B, Net string
}

// FindNames returns the names of the parts of a nic of this jail that are among the
// host's interfaces, or those that they are to get: iocage's vnet0.7 where that fits
// and nobody else has it, such as vlan(4), and a short one made of the jid otherwise.
// What an earlier version has made keeps libioc's name, vnet0:7, until the jail stops:
// network.subr cannot take the colon.
func FindNames(list []kernel.Interface, jail string, n NIC, jid int) Names {
	long := func(sep string) Names {
		base := fmt.Sprint(n.Name, sep, jid)
		return Names{base, base + sep + "a", base + sep + "b", base + sep + "net"}
	}
	dot, base := long("."), fmt.Sprintf("i%d.%d", jid, n.Index)
	short := Names{base, base + "a", base + "b", base + "n"}
	for _, names := range []Names{dot, short, long(":")} {
		if i, ok := byName(list, names.Host); ok && len(owned([]kernel.Interface{i}, jail, n.Name)) > 0 {
			return names
		}
	}
	longest := dot.Host
	if n.Secure != "" {
		longest = dot.Net
	}
	if _, taken := byName(list, dot.Host); taken || len(longest) > maxName {
		return short
	}
	return dot
}

// Description marks both ends of a jail's epair: whose it is, which nic, and
// the MAC address in the jail, which nobody on the host can see otherwise.
func Description(jail string, n NIC) string {
	return "ioc:" + jail + ":" + n.Name + " " + n.JailMAC
}

// Owner reads a description: ok is false for what is not ours.
func Owner(description string) (jail, nic, mac string, ok bool) {
	rest, ok := strings.CutPrefix(description, "ioc:")
	if !ok {
		return "", "", "", false
	}
	rest, mac, _ = strings.Cut(rest, " ")
	i := strings.LastIndexByte(rest, ':')
	if i <= 0 {
		return "", "", "", false
	}
	return rest[:i], rest[i+1:], mac, true
}

// bridgeDescription marks a bridge that was made on request, and its uplink.
const bridgeDescription = "ioc bridge"

// marked finds the interfaces of a stack with the mark of this jail's nic.
func marked(list []kernel.Interface, jail, nic string) []kernel.Interface {
	var out []kernel.Interface
	for _, i := range list {
		if j, n, _, ok := Owner(i.Description); ok && j == jail && (nic == "" || n == nic) {
			out = append(out, i)
		}
	}
	return out
}

// owned finds the host's interfaces that are this jail's nic, or one of its further
// parts.
func owned(list []kernel.Interface, jail, nic string) []kernel.Interface {
	return slices.DeleteFunc(marked(list, jail, nic), func(i kernel.Interface) bool { return !ours(i) })
}

// ours reports whether the description of an interface of the host can be believed. Root
// of a VNET jail can name and describe what was moved into it, but the kernel takes its
// groups away on the way home, except the cloner's.
func ours(i kernel.Interface) bool {
	if slices.Contains(i.Groups, Group) {
		return true
	}
	return slices.ContainsFunc([]string{"epair", "bridge"}, func(driver string) bool { // not in the group yet
		n, ok := unitOf(strings.TrimRight(i.Name, "ab"), driver)
		return ok && n >= firstUnit && slices.Contains(i.Groups, driver)
	})
}

// Unmark removes a mark of ours from an interface that has come home from a jail, whose
// root can have written it.
func Unmark(ctx context.Context, k kernel.Network, name string) error {
	list, err := k.Interfaces(ctx)
	if err != nil {
		return err
	}
	i, _ := byName(list, name)
	if _, _, _, mark := Owner(i.Description); mark || i.Description == bridgeDescription {
		return ignore.Err(k.InterfaceSetDescription(ctx, name, ""), kernel.ErrNotFound)
	}
	return nil
}

// HostEnds finds the host's end of each nic of each jail: jail, nic, interface.
// The further parts of a nic carry its description too; their names are longer.
func HostEnds(list []kernel.Interface) map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, i := range list {
		jail, nic, _, ok := Owner(i.Description)
		if !ok || !ours(i) {
			continue
		}
		if out[jail] == nil {
			out[jail] = map[string]string{}
		}
		if known := out[jail][nic]; known == "" || len(i.Name) < len(known) {
			out[jail][nic] = i.Name
		}
	}
	return out
}

// Orphans lists jails that have interfaces on the host and do not run.
func Orphans(list []kernel.Interface, runs func(jail string) bool) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(HostEnds(list))), runs)
}

func byName(list []kernel.Interface, name string) (kernel.Interface, bool) {
	for _, i := range list {
		if i.Name == name {
			return i, true
		}
	}
	return kernel.Interface{}, false
}
