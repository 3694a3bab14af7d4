package kernel

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Sizes of jail parameters, from sys/jail.h and kern_jail.c. Text sizes count
// the final NUL.
const (
	maxJailName    = 256  // MAXHOSTNAMELEN
	maxJailPath    = 1024 // MAXPATHLEN
	maxHostUUID    = 64   // HOSTUUIDLEN
	maxOSRelease   = 32   // OSRELEASELEN; the kernel takes 30 characters at most
	maxLinuxName   = 65   // LINUX_MAX_UTSNAME
	addrsPerRead   = 256  // security.jail.jail_max_af_ips is 255
	jailErrMsgSize = 1024 // JAIL_ERRMSGLEN
)

// knownParams are the parameters whose encoding has been the same since
// FreeBSD 9, sorted by name; all others are asked of security.jail.param.
var knownParams = func() []ParamInfo {
	list := []ParamInfo{
		{Name: "jid", Type: ParamInt, Settable: true},
		{Name: "lastjid", Type: ParamInt},
		{Name: "parent", Type: ParamInt},
		{Name: "name", Type: ParamString, Size: maxJailName, Writable: true, Settable: true},
		{Name: "path", Type: ParamString, Size: maxJailPath, Settable: true},
		{Name: "securelevel", Type: ParamInt, Writable: true, Settable: true},
		{Name: "osreldate", Type: ParamInt, Settable: true},
		{Name: "osrelease", Type: ParamString, Size: maxOSRelease, Settable: true},
		{Name: "enforce_statfs", Type: ParamInt, Writable: true, Settable: true},
		{Name: "devfs_ruleset", Type: ParamInt, Writable: true, Settable: true},
		{Name: "persist", Type: ParamBool, Writable: true, Settable: true},
		{Name: "vnet", Type: ParamJailsys, Settable: true},
		{Name: "dying", Type: ParamBool},
		{Name: "children.cur", Type: ParamInt},
		{Name: "children.max", Type: ParamInt, Writable: true, Settable: true},
		{Name: "host", Type: ParamJailsys, Writable: true, Settable: true},
		{Name: "host.hostname", Type: ParamString, Size: maxJailName, Writable: true, Settable: true},
		{Name: "host.domainname", Type: ParamString, Size: maxJailName, Writable: true, Settable: true},
		{Name: "host.hostuuid", Type: ParamString, Size: maxHostUUID, Writable: true, Settable: true},
		{Name: "host.hostid", Type: ParamUlong, Writable: true, Settable: true},
		{Name: "cpuset.id", Type: ParamInt},
		{Name: "ip4", Type: ParamJailsys, Settable: true},
		{Name: "ip4.addr", Type: ParamAddr4, Writable: true, Settable: true},
		{Name: "ip4.saddrsel", Type: ParamBool, Writable: true, Settable: true},
		{Name: "ip6", Type: ParamJailsys, Settable: true},
		{Name: "ip6.addr", Type: ParamAddr6, Writable: true, Settable: true},
		{Name: "ip6.saddrsel", Type: ParamBool, Writable: true, Settable: true},
		{Name: "sysvmsg", Type: ParamJailsys, Writable: true, Settable: true},
		{Name: "sysvsem", Type: ParamJailsys, Writable: true, Settable: true},
		{Name: "sysvshm", Type: ParamJailsys, Writable: true, Settable: true},
		{Name: "linux", Type: ParamJailsys, Writable: true, Settable: true},
		{Name: "linux.osname", Type: ParamString, Size: maxLinuxName, Writable: true, Settable: true},
		{Name: "linux.osrelease", Type: ParamString, Size: maxLinuxName, Writable: true, Settable: true},
		{Name: "linux.oss_version", Type: ParamInt, Writable: true, Settable: true},
		{Name: "zfs", Type: ParamJailsys, Writable: true, Settable: true},
		// An int that looks like a boolean: its name alone is EINVAL.
		{Name: "zfs.mount_snapshot", Type: ParamInt, Writable: true, Settable: true},
	}
	for _, allow := range []string{
		"set_hostname", "sysvipc", "raw_sockets", "chflags", "mount", "quotas",
		"socket_af", "mlock", "read_msgbuf", "reserved_ports",
		"unprivileged_proc_debug", "suser", "vmm",
		"mount.devfs", "mount.fdescfs", "mount.fusefs", "mount.nullfs",
		"mount.procfs", "mount.linprocfs", "mount.linsysfs", "mount.tmpfs",
		"mount.zfs",
	} {
		list = append(list, ParamInfo{Name: "allow." + allow, Type: ParamBool, Writable: true, Settable: true})
	}
	for i := range list {
		if list[i].Size == 0 {
			list[i].Size = list[i].Type.size()
		}
	}
	slices.SortFunc(list, byParamName)
	return list
}()

func byParamName(a, b ParamInfo) int { return cmp.Compare(a.Name, b.Name) }

// size is the bytes of one value of a fixed size, or 0.
func (t ParamType) size() int {
	switch t {
	case ParamBool, ParamInt, ParamJailsys, ParamAddr4:
		return 4
	case ParamUlong:
		return 8
	case ParamAddr6:
		return 16
	}
	return 0
}

// findParam looks a name up in a list sorted by name. The "no" form of a
// boolean is found under its own name: no is true then.
func findParam(list []ParamInfo, name string) (info ParamInfo, no, ok bool) {
	if i, found := slices.BinarySearchFunc(list, ParamInfo{Name: name}, byParamName); found {
		return list[i], false, true
	}
	if plain, stripped := stripNo(name); stripped {
		i, found := slices.BinarySearchFunc(list, ParamInfo{Name: plain}, byParamName)
		if found && list[i].Type == ParamBool {
			return list[i], true, true
		}
	}
	// FreeBSD 15 keeps lines of text under names of the caller's choice.
	for _, table := range [...]string{"meta", "env"} {
		if strings.HasPrefix(name, table+".") && len(name) > len(table)+1 {
			i, found := slices.BinarySearchFunc(list, ParamInfo{Name: table}, byParamName)
			if found && list[i].Type == ParamString {
				info = list[i]
				info.Name = name
				return info, false, true
			}
		}
	}
	return ParamInfo{}, false, false
}

// stripNo takes "no" off the last component: allow.mount.nozfs, nopersist.
func stripNo(name string) (string, bool) {
	i := strings.LastIndexByte(name, '.') + 1
	if !strings.HasPrefix(name[i:], "no") || len(name) == i+2 {
		return name, false
	}
	return name[:i] + name[i+2:], true
}

// Bits of a sysctl node's kind, sys/sysctl.h.
const (
	ctlTypeMask   = 0xf
	ctlTypeNode   = 1
	ctlTypeInt    = 2
	ctlTypeString = 3
	ctlTypeS64    = 4
	ctlTypeOpaque = 5
	ctlTypeUint   = 6
	ctlTypeLong   = 7
	ctlTypeUlong  = 8
	ctlTypeU64    = 9
	ctlTypeU8     = 0xa
	ctlTypeU16    = 0xb
	ctlTypeS8     = 0xc
	ctlTypeS16    = 0xd
	ctlTypeS32    = 0xe
	ctlTypeU32    = 0xf
	ctlFlagWR     = 0x40000000
	ctlFlagTun    = 0x00080000
)

// paramPrefix is where the kernel describes its jail parameters.
const paramPrefix = "security.jail.param."

// paramInfo reads what the kernel tells of the node security.jail.param.name:
// kind and format as sysctl(3) gives them, and the node's own value, which is
// the largest size for text and for structures.
func paramInfo(node string, kind uint32, format string, value []byte) ParamInfo {
	// A trailing dot is the value of a node that has children too.
	info := ParamInfo{Name: strings.TrimSuffix(strings.TrimPrefix(node, paramPrefix), ".")}
	info.Writable = kind&ctlFlagWR != 0
	info.Settable = info.Writable || kind&ctlFlagTun != 0
	switch kind & ctlTypeMask {
	case ctlTypeInt, ctlTypeUint, ctlTypeS32, ctlTypeU32:
		info.Type = ParamInt
		switch {
		case strings.HasPrefix(format, "B"):
			info.Type = ParamBool
		case strings.HasPrefix(format, "E,jailsys"):
			info.Type = ParamJailsys
		}
	case ctlTypeLong, ctlTypeUlong, ctlTypeS64, ctlTypeU64:
		info.Type = ParamUlong
	case ctlTypeString:
		info.Type = ParamString
		info.Size, _ = strconv.Atoi(cString(value))
		return info
	default:
		info.Type = ParamRaw
		switch {
		case strings.HasPrefix(format, "S,in_addr,a"):
			info.Type = ParamAddr4
		case strings.HasPrefix(format, "S,in6_addr,a"):
			info.Type = ParamAddr6
		default:
			info.Size = int(nativeUint(value))
		}
	}
	if n := info.Type.size(); n > 0 {
		info.Size = n
	}
	return info
}

// readSize is how many bytes a value of this type is read into: addresses come
// as an array, everything else in its own size.
func (p ParamInfo) readSize() int {
	switch p.Type {
	case ParamAddr4, ParamAddr6:
		return addrsPerRead * p.Size
	}
	return p.Size
}
