package jailparam

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
	"github.com/libioc/go-libioc/kernel/internal/words"
)

// Sizes of jail parameters, from sys/jail.h and kern_jail.c. Text sizes count
// the final NUL.
const (
	maxJailName  = 256  // MAXHOSTNAMELEN
	maxJailPath  = 1024 // MAXPATHLEN
	maxHostUUID  = 64   // HOSTUUIDLEN
	maxOSRelease = 32   // OSRELEASELEN; the kernel takes 30 characters at most
	maxLinuxName = 65   // LINUX_MAX_UTSNAME
	addrsPerRead = 256  // security.jail.jail_max_af_ips is 255
	ErrMsgSize   = 1024 // JAIL_ERRMSGLEN
)

// Known are the parameters whose encoding has been the same since
// FreeBSD 9, sorted by name; all others are asked of security.jail.param.
var Known = func() []kernel.ParamInfo {
	list := []kernel.ParamInfo{
		{Name: "jid", Type: kernel.ParamInt, Settable: true},
		{Name: "lastjid", Type: kernel.ParamInt},
		{Name: "parent", Type: kernel.ParamInt},
		{Name: "name", Type: kernel.ParamString, Size: maxJailName, Writable: true, Settable: true},
		{Name: "path", Type: kernel.ParamString, Size: maxJailPath, Settable: true},
		{Name: "securelevel", Type: kernel.ParamInt, Writable: true, Settable: true},
		{Name: "osreldate", Type: kernel.ParamInt, Settable: true},
		{Name: "osrelease", Type: kernel.ParamString, Size: maxOSRelease, Settable: true},
		{Name: "enforce_statfs", Type: kernel.ParamInt, Writable: true, Settable: true},
		{Name: "devfs_ruleset", Type: kernel.ParamInt, Writable: true, Settable: true},
		{Name: "persist", Type: kernel.ParamBool, Writable: true, Settable: true},
		{Name: "vnet", Type: kernel.ParamJailsys, Settable: true},
		{Name: "dying", Type: kernel.ParamBool},
		{Name: "children.cur", Type: kernel.ParamInt},
		{Name: "children.max", Type: kernel.ParamInt, Writable: true, Settable: true},
		{Name: "host", Type: kernel.ParamJailsys, Writable: true, Settable: true},
		{Name: "host.hostname", Type: kernel.ParamString, Size: maxJailName, Writable: true, Settable: true},
		{Name: "host.domainname", Type: kernel.ParamString, Size: maxJailName, Writable: true, Settable: true},
		{Name: "host.hostuuid", Type: kernel.ParamString, Size: maxHostUUID, Writable: true, Settable: true},
		{Name: "host.hostid", Type: kernel.ParamUlong, Writable: true, Settable: true},
		{Name: "cpuset.id", Type: kernel.ParamInt},
		{Name: "ip4", Type: kernel.ParamJailsys, Settable: true},
		{Name: "ip4.addr", Type: kernel.ParamAddr4, Writable: true, Settable: true},
		{Name: "ip4.saddrsel", Type: kernel.ParamBool, Writable: true, Settable: true},
		{Name: "ip6", Type: kernel.ParamJailsys, Settable: true},
		{Name: "ip6.addr", Type: kernel.ParamAddr6, Writable: true, Settable: true},
		{Name: "ip6.saddrsel", Type: kernel.ParamBool, Writable: true, Settable: true},
		{Name: "sysvmsg", Type: kernel.ParamJailsys, Writable: true, Settable: true},
		{Name: "sysvsem", Type: kernel.ParamJailsys, Writable: true, Settable: true},
		{Name: "sysvshm", Type: kernel.ParamJailsys, Writable: true, Settable: true},
		{Name: "linux", Type: kernel.ParamJailsys, Writable: true, Settable: true},
		{Name: "linux.osname", Type: kernel.ParamString, Size: maxLinuxName, Writable: true, Settable: true},
		{Name: "linux.osrelease", Type: kernel.ParamString, Size: maxLinuxName, Writable: true, Settable: true},
		{Name: "linux.oss_version", Type: kernel.ParamInt, Writable: true, Settable: true},
		{Name: "zfs", Type: kernel.ParamJailsys, Writable: true, Settable: true},
		// An int that looks like a boolean: its name alone is EINVAL.
		{Name: "zfs.mount_snapshot", Type: kernel.ParamInt, Writable: true, Settable: true},
	}
	for _, allow := range []string{
		"set_hostname", "sysvipc", "raw_sockets", "chflags", "mount", "quotas",
		"socket_af", "mlock", "read_msgbuf", "reserved_ports",
		"unprivileged_proc_debug", "suser", "vmm",
		"mount.devfs", "mount.fdescfs", "mount.fusefs", "mount.nullfs",
		"mount.procfs", "mount.linprocfs", "mount.linsysfs", "mount.tmpfs",
		"mount.zfs",
	} {
		list = append(list, kernel.ParamInfo{Name: "allow." + allow, Type: kernel.ParamBool, Writable: true, Settable: true})
	}
	for i := range list {
		if list[i].Size == 0 {
			list[i].Size = typeSize(list[i].Type)
		}
	}
	slices.SortFunc(list, ByName)
	return list
}()

func ByName(a, b kernel.ParamInfo) int { return cmp.Compare(a.Name, b.Name) }

// size is the bytes of one value of a fixed size, or 0.
func typeSize(t kernel.ParamType) int {
	switch t {
	case kernel.ParamBool, kernel.ParamInt, kernel.ParamJailsys, kernel.ParamAddr4:
		return 4
	case kernel.ParamUlong:
		return 8
	case kernel.ParamAddr6:
		return 16
	}
	return 0
}

// Find looks a name up in a list sorted by name. The "no" form of a
// boolean is found under its own name: no is true then.
func Find(list []kernel.ParamInfo, name string) (info kernel.ParamInfo, no, ok bool) {
	if i, found := slices.BinarySearchFunc(list, kernel.ParamInfo{Name: name}, ByName); found {
		return list[i], false, true
	}
	if plain, stripped := words.StripNo(name); stripped {
		i, found := slices.BinarySearchFunc(list, kernel.ParamInfo{Name: plain}, ByName)
		if found && list[i].Type == kernel.ParamBool {
			return list[i], true, true
		}
	}
	// FreeBSD 15 keeps lines of text under names of the caller's choice.
	for _, table := range [...]string{"meta", "env"} {
		if strings.HasPrefix(name, table+".") && len(name) > len(table)+1 {
			i, found := slices.BinarySearchFunc(list, kernel.ParamInfo{Name: table}, ByName)
			if found && list[i].Type == kernel.ParamString {
				info = list[i]
				info.Name = name
				return info, false, true
			}
		}
	}
	return kernel.ParamInfo{}, false, false
}

// Bits of a sysctl node's kind, sys/sysctl.h.
const (
	CtlTypeMask   = 0xf
	CtlTypeNode   = 1
	CtlTypeInt    = 2
	CtlTypeString = 3
	CtlTypeS64    = 4
	ctlTypeOpaque = 5
	CtlTypeUint   = 6
	CtlTypeLong   = 7
	CtlTypeUlong  = 8
	CtlTypeU64    = 9
	CtlTypeU8     = 0xa
	CtlTypeU16    = 0xb
	CtlTypeS8     = 0xc
	CtlTypeS16    = 0xd
	CtlTypeS32    = 0xe
	CtlTypeU32    = 0xf
	ctlFlagWR     = 0x40000000
	ctlFlagTun    = 0x00080000
)

// paramPrefix is where the kernel describes its jail parameters.
const paramPrefix = "security.jail.param."

// Describe reads what the kernel tells of the node security.jail.param.name:
// kind and format as sysctl(3) gives them, and the node's own value, which is
// the largest size for text and for structures.
func Describe(node string, kind uint32, format string, value []byte) kernel.ParamInfo {
	// A trailing dot is the value of a node that has children too.
	info := kernel.ParamInfo{Name: strings.TrimSuffix(strings.TrimPrefix(node, paramPrefix), ".")}
	info.Writable = kind&ctlFlagWR != 0
	info.Settable = info.Writable || kind&ctlFlagTun != 0
	switch kind & CtlTypeMask {
	case CtlTypeInt, CtlTypeUint, CtlTypeS32, CtlTypeU32:
		info.Type = kernel.ParamInt
		switch {
		case strings.HasPrefix(format, "B"):
			info.Type = kernel.ParamBool
		case strings.HasPrefix(format, "E,jailsys"):
			info.Type = kernel.ParamJailsys
		}
	case CtlTypeLong, CtlTypeUlong, CtlTypeS64, CtlTypeU64:
		info.Type = kernel.ParamUlong
	case CtlTypeString:
		info.Type = kernel.ParamString
		info.Size, _ = strconv.Atoi(abi.CString(value))
		return info
	default:
		info.Type = kernel.ParamRaw
		switch {
		case strings.HasPrefix(format, "S,in_addr,a"):
			info.Type = kernel.ParamAddr4
		case strings.HasPrefix(format, "S,in6_addr,a"):
			info.Type = kernel.ParamAddr6
		default:
			info.Size = int(abi.Uint(value))
		}
	}
	if n := typeSize(info.Type); n > 0 {
		info.Size = n
	}
	return info
}

// readSize is how many bytes a value of this type is read into: addresses come
// as an array, everything else in its own size.
func readSize(p kernel.ParamInfo) int {
	switch p.Type {
	case kernel.ParamAddr4, kernel.ParamAddr6:
		return addrsPerRead * p.Size
	}
	return p.Size
}
