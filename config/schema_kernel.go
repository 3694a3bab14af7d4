package config

// kernelTable has the parameters of jail_set(2). Defaults that libioc does not
// have are the kernel's own (sys/kern/kern_jail.c).
func kernelTable() []Property {
	rows := []Property{
		{Name: "host_domainname", Type: TypeText, Default: "local", Inherited: true, Param: "host.domainname", ParamType: ParamString, Aliases: []string{"domainname"},
			Peers: Peers{"none", "", "none", "-"}, Doc: "NIS domain name."},
		{Name: "host_hostid", Type: TypeInt, Min: 0, Max: 1<<32 - 1, Param: "host.hostid", ParamType: ParamLong, Doc: "Number that gethostid(3) returns inside."},
		{Name: "host", Type: TypeJailsys, Inherited: true, Param: "host", ParamType: ParamJailsys, Doc: "Own or inherited host names."},
		{Name: "devfs_ruleset", Type: TypeRuleset, Default: "4", Inherited: true, Param: "devfs_ruleset", ParamType: ParamInt, Peers: Peers{"4", "4", "4", "4"},
			Doc: "devfs(8) ruleset by number or name; none or 0 for no ruleset, which needs mount_devfs=no."},
		{Name: "enforce_statfs", Type: TypeInt, Default: "2", Min: 0, Max: 2, Inherited: true, Param: "enforce_statfs", ParamType: ParamInt, Peers: Peers{"2", "2", "2", "2"},
			Doc: "Which mounts are visible inside. Defaults to 1 if an allow_mount_* is on."},
		{Name: "children_max", Type: TypeInt, Default: "0", Min: -1, Max: 1<<31 - 1, Inherited: true, Param: "children.max", ParamType: ParamInt, Peers: Peers{"0", "0", "0", "0"},
			Doc: "How many jails may be created from inside."},
		{Name: "securelevel", Type: TypeInt, Default: "2", Min: -1, Max: 3, Inherited: true, Param: "securelevel", ParamType: ParamInt, Peers: Peers{"2", "2", "2", "2"}, Doc: "Secure level, security(7)."},
		{Name: "osrelease", Type: TypeText, Inherited: true, Param: "osrelease", ParamType: ParamString, Doc: "Output of uname -r inside, at most 30 characters."},
		{Name: "osreldate", Type: TypeInt, Min: 1, Max: 1<<31 - 1, Inherited: true, Param: "osreldate", ParamType: ParamInt, Doc: "Output of uname -K inside."},
		{Name: "meta", Type: TypeText, Inherited: true, Param: "meta", ParamType: ParamString, Doc: "Text attached to the jail, hidden from it (FreeBSD 15)."},
		{Name: "env", Type: TypeText, Inherited: true, Param: "env", ParamType: ParamString, Doc: "Text attached to the jail, readable inside (FreeBSD 15)."},
		{Name: "zfs_mount_snapshot", Type: TypeInt, Min: 0, Max: 1, Inherited: true, Param: "zfs.mount_snapshot", ParamType: ParamInt, Doc: "Whether .zfs/snapshot may be mounted from inside."},
		{Name: "ip4", Type: TypeJailsys, Default: "new", Inherited: true, Param: "ip4", ParamType: ParamJailsys, Peers: Peers{"new", "new", "new", "new"}, Doc: "IPv4: restricted to ip4_addr, inherited or disabled."},
		{Name: "ip6", Type: TypeJailsys, Default: "new", Inherited: true, Param: "ip6", ParamType: ParamJailsys, Peers: Peers{"new", "new", "new", "new"}, Doc: "IPv6: restricted to ip6_addr, inherited or disabled."},
		{Name: "ip4_saddrsel", Type: TypeBool, form: formDigit, Default: "1", Inherited: true, Param: "ip4.saddrsel", ParamType: ParamBool, Peers: Peers{"1", "1", "1", "1"}, Doc: "IPv4 source address selection; off takes the first address."},
		{Name: "ip6_saddrsel", Type: TypeBool, form: formDigit, Default: "1", Inherited: true, Param: "ip6.saddrsel", ParamType: ParamBool, Peers: Peers{"1", "1", "1", "1"}, Doc: "IPv6 source address selection; off takes the first address."},
	}
	rows = append(rows, Property{Name: "linux", Type: TypeJailsys, Inherited: true, Param: "linux", ParamType: ParamJailsys, Doc: "Linux environment: own, inherited or disabled. linux.osname and others make it an own one."})
	for _, name := range []string{"sysvmsg", "sysvsem", "sysvshm"} {
		rows = append(rows, Property{Name: name, Type: TypeJailsys, Default: "new", Inherited: true, Param: name, ParamType: ParamJailsys,
			Peers: Peers{"new", "new", "", ""}, Doc: "System V IPC: own, inherited or disabled."})
	}
	rows = append(rows, allowTable()...)
	for i := range rows {
		rows[i].Scope, rows[i].Used = ScopeKernel, true
	}
	return rows
}

// allowTable has the permissions of FreeBSD 13 to 15.
func allowTable() []Property {
	everywhere := Peers{"0", "0", "0", "0"}
	iocage := Peers{Iocage: "0"}
	both := Peers{Libioc: "0", Iocage: "0"}
	allow := func(name, param, def string, peers Peers, doc string) Property {
		return Property{Name: "allow_" + name, Type: TypeBool, form: formDigit, Default: def, Inherited: true, Param: "allow." + param, ParamType: ParamBool, Peers: peers, Doc: doc}
	}
	return []Property{
		allow("set_hostname", "set_hostname", "1", Peers{"1", "1", "1", "0"}, "May set its hostname."),
		allow("sysvipc", "sysvipc", "0", everywhere, "Old form of sysvmsg, sysvsem, sysvshm = inherit."),
		allow("raw_sockets", "raw_sockets", "0", everywhere, "May open raw sockets."),
		allow("chflags", "chflags", "0", everywhere, "May change system file flags."),
		allow("mount", "mount", "0", everywhere, "May mount file systems. Defaults to on if an allow_mount_* is on."),
		allow("mount_devfs", "mount.devfs", "0", everywhere, "May mount devfs(5)."),
		allow("mount_fdescfs", "mount.fdescfs", "0", both, "May mount fdescfs(5)."),
		allow("mount_fusefs", "mount.fusefs", "0", both, "May mount fusefs(5)."),
		allow("mount_nullfs", "mount.nullfs", "0", everywhere, "May mount nullfs(5)."),
		allow("mount_procfs", "mount.procfs", "0", everywhere, "May mount procfs(5)."),
		allow("mount_linprocfs", "mount.linprocfs", "0", iocage, "May mount linprocfs(5)."),
		allow("mount_linsysfs", "mount.linsysfs", "0", iocage, "May mount linsysfs(5)."),
		allow("mount_lindebugfs", "mount.lindebugfs", "0", Peers{}, "May mount lindebugfs."),
		allow("mount_tmpfs", "mount.tmpfs", "0", everywhere, "May mount tmpfs(5)."),
		allow("mount_zfs", "mount.zfs", "0", everywhere, "May mount zfs(8) datasets; on if jail_zfs is."),
		allow("quotas", "quotas", "0", everywhere, "May administer quotas."),
		allow("socket_af", "socket_af", "0", everywhere, "May use all protocol families."),
		allow("mlock", "mlock", "0", both, "May lock memory."),
		allow("reserved_ports", "reserved_ports", "1", Peers{}, "May bind ports below 1024."),
		allow("read_msgbuf", "read_msgbuf", "0", Peers{}, "May read the kernel's message buffer."),
		allow("unprivileged_proc_debug", "unprivileged_proc_debug", "1", Peers{}, "Unprivileged processes may debug."),
		allow("unprivileged_parent_tampering", "unprivileged_parent_tampering", "0", Peers{}, "Unprivileged processes of the parent may tamper with those inside (FreeBSD 15)."),
		allow("suser", "suser", "1", Peers{}, "Root inside has privileges."),
		allow("vmm", "vmm", "0", both, "May use bhyve(8)."),
		allow("vmm_ppt", "vmm_ppt", "0", Peers{}, "May use PCI passthrough (FreeBSD 15)."),
		allow("nfsd", "nfsd", "0", iocage, "May run nfsd(8) (FreeBSD 14)."),
		allow("extattr", "extattr", "0", Peers{}, "May change system extended attributes (FreeBSD 15)."),
		allow("adjtime", "adjtime", "0", Peers{}, "May adjust the clock (FreeBSD 15)."),
		allow("settime", "settime", "0", Peers{}, "May set the clock (FreeBSD 15)."),
		allow("routing", "routing", "0", Peers{}, "May change routes without vnet (FreeBSD 15)."),
		allow("setaudit", "setaudit", "0", Peers{}, "May set audit state (FreeBSD 15)."),
	}
}
