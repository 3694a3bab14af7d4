package kernel

import "context"

// Kernel is one FreeBSD kernel, seen by root. It is safe for use by several
// goroutines. The interface is open: a program may wrap or replace it.
//
// Every method takes a context; a call that cannot wait in the kernel only
// looks at it once, before the call.
type Kernel interface {
	Jails
	Mounts
	Rulesets
	Limits
	Network
	Processes
	Modules
	Sysctls
	Firewalls

	// Features reports what the running kernel offers.
	Features(ctx context.Context) (Features, error)

	// BootID tells one boot of the machine from the next. Two equal values mean
	// the same boot; two different ones may still mean the same boot when the
	// clock was stepped, so nothing may be destroyed on that ground alone.
	BootID(ctx context.Context) (string, error)

	// InterfaceCounters tells what each interface of the caller's own network
	// stack has counted, by name, in one call. See NET_RT_IFLIST in sysctl(3).
	InterfaceCounters(ctx context.Context) ([]InterfaceCounters, error)

	// In is the view from inside a running jail's network stack: the same
	// calls, made in the jail's vnet. A method of the view fails with
	// ErrNotFound once the jail has ended.
	In(id Identity) Network

	// SetVnetSysctls writes integer nodes of sysctl(3) in a running jail's
	// network stack, such as net.inet.ip.fw.enable, in the given order. Nodes of
	// the kernel as a whole are refused there with EPERM. ErrNotFound for a name
	// that the kernel does not know and for a jail that has ended.
	SetVnetSysctls(ctx context.Context, id Identity, values ...SysctlValue) error
}

// SysctlValue is a value to give to an integer node of sysctl(3).
type SysctlValue struct {
	Name  string
	Value int
}

// Sysctls reads sysctl(3) values by name.
type Sysctls interface {
	// SysctlString returns a string node without its final NUL. A name the
	// kernel does not know is ErrNotFound.
	SysctlString(ctx context.Context, name string) (string, error)
	// SysctlInt returns an integer node of any width.
	SysctlInt(ctx context.Context, name string) (int64, error)
}

// Features is what a running kernel offers, for errors that name the remedy
// (see Remedy) and for callers that want to choose before they start.
type Features struct {
	OSRelease  string // kern.osrelease, such as "13.2-RELEASE-p4"
	OSRelDate  int    // kern.osreldate, such as 1302001
	Machine    string // hw.machine, such as "amd64"
	Arch       string // hw.machine_arch, such as "aarch64"
	VIMAGE     bool   // jails may have a network stack of their own, vnet(9)
	RACCT      bool   // kern.racct.enable is 1; without it rctl(2) is ENOSYS
	ZFSVersion string // zfs.ko's version such as "2.1.9", empty without ZFS
	JailDesc   bool   // jail descriptors, FreeBSD 15
	Jailed     bool   // this process is itself in a jail
	SecureLvl  int    // kern.securelevel, -1 to 3
}
