package kernel

import "context"

// Kernel is one FreeBSD kernel, seen by root. It is safe for use by several
// goroutines. The interface is open: a program may wrap or replace it.
//
// Every method takes a context. A call that cannot wait in the kernel checks it
// once, before the call.
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

	// BootID returns a value that differs between boots of the machine. Equal
	// values mean the same boot. Different values may still mean the same boot
	// if the clock was stepped, so destroy nothing for that reason alone.
	BootID(ctx context.Context) (string, error)

	// InterfaceCounters returns the counters of the interfaces of the caller's
	// own network stack, ordered by name, with one call. See NET_RT_IFLIST in
	// sysctl(3).
	InterfaceCounters(ctx context.Context) ([]InterfaceCounters, error)

	// In returns the network stack of a running jail: the same calls, made in
	// the jail's vnet. Its methods fail with ErrNotFound once the jail has
	// ended.
	In(id Identity) Network

	// SetVnetSysctls writes integer nodes of sysctl(3) in a running jail's
	// network stack, such as net.inet.ip.fw.enable, in the given order. It fails
	// with EPERM for nodes that are not per stack, and with ErrNotFound for
	// unknown names and for a jail that has ended.
	SetVnetSysctls(ctx context.Context, id Identity, values ...SysctlValue) error
}

// SysctlValue is a value to write to an integer node of sysctl(3).
type SysctlValue struct {
	Name  string
	Value int
}

// Sysctls reads sysctl(3) values by name.
type Sysctls interface {
	// SysctlString returns a string node without its final NUL. It fails
	// with ErrNotFound for an unknown name.
	SysctlString(ctx context.Context, name string) (string, error)
	// SysctlInt returns an integer node of any width.
	SysctlInt(ctx context.Context, name string) (int64, error)
}

// Features is what a running kernel offers. [Features.Remedy] uses it to say how to
// get what is missing.
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
