package config

// identityTable has the jail's identity, which is not inherited.
func identityTable() []Property {
	return []Property{
		{Name: "id", Type: TypeName, Scope: ScopeIdentity, Used: true, Aliases: []string{"name", "uuid"}, Peers: Peers{Libioc: "none"},
			Doc: "Name or UUID of the jail. The last component of its dataset takes precedence."},
		{Name: "host_hostname", Type: TypeText, Scope: ScopeIdentity, Used: true, Aliases: []string{"hostname"}, Param: "host.hostname", ParamType: ParamString,
			Peers: Peers{"none", "per jail", "uuid", "uuid"}, Doc: "Hostname; without one the human-readable form of the jail's name."},
		{Name: "host_hostuuid", Type: TypeHostUUID, Scope: ScopeIdentity, Used: true, Param: "host.hostuuid", ParamType: ParamString,
			Peers: Peers{"none", "per jail", "uuid", "uuid"}, Doc: "UUID seen inside. iocage stores the jail's name here, which is accepted but not used."},
		{Name: "hostid", Type: TypeText, Scope: ScopeIdentity, Used: true, Peers: Peers{"none", "/etc/hostid", "/etc/hostid", "/etc/hostid"},
			Doc: "UUID of the host that the jail belongs to (iocage: the text of /etc/hostid)."},
		{Name: "hostid_strict_check", Type: TypeBool, Default: "no", Scope: ScopeIdentity, Inherited: true, Used: true, Peers: Peers{"no", "0", "", ""},
			Doc: "Refuse to start on a host whose UUID is not hostid."},
		{Name: "tags", Type: TypeList, Scope: ScopeIdentity, Used: true, Aliases: []string{"tag"}, Peers: Peers{"none", "", "date", "date"},
			Doc: "Labels to select jails by; tag is the legacy spelling of a single one."},
		{Name: "type", Type: TypeText, Scope: ScopeIdentity, Used: true, Peers: Peers{"computed", "jail", "basejail", "jail"},
			Doc: "Kind of jail as iocage and legacy store it: jail, basejail, clonejail, template, pluginv2. Computed from the flags when read."},
		{Name: "template", Type: TypeBool, form: formWord, Default: "no", Scope: ScopeIdentity, Used: true, Aliases: []string{"istemplate"}, Peers: Peers{"no", "0", "-", "no"},
			Doc: "The jail is a template: it is cloned, never started."},
		{Name: "legacy", Type: TypeBool, Scope: ScopeInfo, Peers: Peers{Libioc: "no"}, Doc: "Set if the configuration came from UCL or ZFS. Never written."},
	}
}

// storageTable has datasets, releases and the origin of a root.
func storageTable() []Property {
	return []Property{
		{Name: "release", Type: TypeText, Scope: ScopeStorage, Inherited: true, Used: true, Peers: Peers{"none", "per jail", "uname -r", "uname -r"},
			Doc: "Release that the root was created from; -pN pins a patch level."},
		{Name: "cloned_release", Type: TypeText, Scope: ScopeStorage, Used: true, Peers: Peers{"release", "per jail", "", ""},
			Doc: "Release that the root was cloned from; without one, release."},
		{Name: "basejail", Type: TypeBool, Default: "no", Scope: ScopeStorage, Inherited: true, Used: true, Peers: Peers{"no", "0", "", ""},
			Doc: "The base directories come from the release."},
		{Name: "basejail_type", Type: TypeWord, Default: "nullfs", Scope: ScopeStorage, Inherited: true, Used: true, Words: []string{"nullfs", "zfs"}, Peers: Peers{Libioc: "nullfs"},
			Doc: "How a basejail gets its base directories: nullfs mounts at start, or ZFS clones."},
		{Name: "clonejail", Type: TypeBool, Default: "no", Scope: ScopeStorage, Inherited: true, Used: true, Peers: Peers{Libioc: "no"},
			Doc: "The root is a ZFS clone of the release, as it always is here."},
		{Name: "jail_zfs", Type: TypeBool, Default: "no", Scope: ScopeStorage, Inherited: true, Used: true, Peers: Peers{"no", "0", "off", "off"},
			Doc: "Attach the datasets of jail_zfs_dataset to the jail. Implies allow_mount, allow_mount_zfs and enforce_statfs 1."},
		{Name: "jail_zfs_dataset", Type: TypeWords, Scope: ScopeStorage, Used: true, Peers: Peers{"none", "per jail", "iocage/jails/UUID/data", "iocage/jails/UUID/root/data"},
			Doc: "Datasets attached to the jail. iocage and legacy omit the pool, which is the jail's."},
		{Name: "jail_zfs_mountpoint", Type: TypeText, Scope: ScopeStorage, Peers: Peers{"", "none", "none", ""}, Doc: "Mountpoint of the attached dataset; never had an effect."},
		{Name: "source_template", Type: TypeText, Scope: ScopeInfo, Peers: Peers{"", "per jail", "", ""}, Doc: "Template that iocage cloned the jail from."},
		{Name: "provision.method", Type: TypeText, Scope: ScopeStorage, Inherited: true, Used: true, Peers: Peers{Libioc: "none"}, Doc: "Provisioner to run."},
		{Name: "provision.source", Type: TypeText, Scope: ScopeStorage, Inherited: true, Used: true, Peers: Peers{Libioc: "none"}, Doc: "Absolute path or http, https, ssh or git URL of the provisioner's source."},
		{Name: "provision.rev", Type: TypeText, Default: "master", Scope: ScopeStorage, Inherited: true, Used: true, Peers: Peers{Libioc: "master"}, Doc: "Revision of provision.source."},
		{Name: "quota", Type: TypeText, Scope: ScopeStorage, Peers: Peers{"", "none", "none", "none"}, Doc: "Mirror of the dataset's quota."},
		{Name: "reservation", Type: TypeText, Scope: ScopeStorage, Peers: Peers{"", "none", "none", "none"}, Doc: "Mirror of the dataset's reservation."},
		{Name: "compression", Type: TypeText, Scope: ScopeStorage, Peers: Peers{"", "on", "lz4", "lz4"}, Doc: "Mirror of the dataset's compression."},
		{Name: "dedup", Type: TypeText, Scope: ScopeStorage, Peers: Peers{"", "off", "off", "off"}, Doc: "Mirror of the dataset's dedup."},
	}
}

// mountTable has the file systems mounted below the root at start.
func mountTable() []Property {
	return []Property{
		{Name: "mount_devfs", Type: TypeBool, form: formMount, Default: "yes", Scope: ScopeMount, Inherited: true, Used: true, Peers: Peers{"1", "1", "1", "1"}, Doc: "Mount devfs(5) on dev."},
		{Name: "mount_fdescfs", Type: TypeBool, form: formMount, Default: "no", Scope: ScopeMount, Inherited: true, Used: true, Peers: Peers{"0", "1", "1", "1"}, Doc: "Mount fdescfs(5) on dev/fd."},
		{Name: "mount_procfs", Type: TypeBool, form: formMount, Default: "no", Scope: ScopeMount, Inherited: true, Used: true, Peers: Peers{"0", "0", "0", "0"}, Doc: "Mount procfs(5) on proc."},
		{Name: "mount_linprocfs", Type: TypeBool, form: formMount, Default: "no", Scope: ScopeMount, Inherited: true, Used: true, Peers: Peers{"0", "0", "0", ""}, Doc: "Mount linprocfs(5) on compat/linux/proc."},
	}
}

// hookTable has commands, their user, environment and time limits.
func hookTable() []Property {
	rows := []Property{
		{Name: "exec_start", Type: TypeText, Default: "/bin/sh /etc/rc", Scope: ScopeHook, Inherited: true, Used: true,
			Peers: Peers{"/bin/sh /etc/rc", "/bin/sh /etc/rc", "/bin/sh /etc/rc", "/bin/sh /etc/rc"}, Doc: "Command run inside at start."},
		{Name: "exec_stop", Type: TypeText, Default: "/bin/sh /etc/rc.shutdown", Scope: ScopeHook, Inherited: true, Used: true,
			Peers: Peers{"/bin/sh /etc/rc.shutdown", "/bin/sh /etc/rc.shutdown", "/bin/sh /etc/rc.shutdown", "/bin/sh /etc/rc.shutdown"}, Doc: "Command run inside at stop."},
		{Name: "exec_clean", Type: TypeBool, form: formDigit, Default: "1", Scope: ScopeHook, Inherited: true, Used: true, Peers: Peers{"1", "1", "1", "1"}, Doc: "Run commands in a clean environment."},
		{Name: "exec_fib", Type: TypeInt, Default: "0", Min: 0, Max: 65535, Scope: ScopeHook, Inherited: true, Used: true, Peers: Peers{"1", "0", "0", "0"},
			Doc: "Routing table of commands. libioc's 1 was never applied and fails on a host with net.fibs=1, so the default is iocage's 0."},
		{Name: "exec_jail_user", Type: TypeText, Default: "root", Scope: ScopeHook, Inherited: true, Used: true, Peers: Peers{"root", "root", "root", "root"}, Doc: "User that commands run as inside."},
		{Name: "exec_system_user", Type: TypeText, Scope: ScopeHook, Inherited: true, Used: true, Peers: Peers{"", "root", "root", "root"}, Doc: "User that commands run as outside (jail(8) exec.system_user)."},
		{Name: "exec_system_jail_user", Type: TypeBool, form: formDigit, Default: "0", Scope: ScopeHook, Inherited: true, Used: true, Peers: Peers{"", "0", "0", "0"}, Doc: "Look up exec_jail_user in the host's passwd file (jail(8) exec.system_jail_user)."},
		{Name: "exec_timeout", Type: TypeSeconds, Default: "600", Scope: ScopeHook, Inherited: true, Used: true, Peers: Peers{"600", "60", "60", "60"}, Doc: "Seconds after which a command is killed; 0 waits forever."},
		{Name: "stop_timeout", Type: TypeSeconds, Default: "30", Scope: ScopeHook, Inherited: true, Used: true, Peers: Peers{"30", "30", "30", "30"}, Doc: "Seconds that processes have between SIGTERM and SIGKILL at stop."},
		{Name: "login_flags", Type: TypeWords, Default: "-f root", Scope: ScopeHook, Inherited: true, Used: true, Peers: Peers{"-f root", "-f root", "-f root", "-f root"}, Doc: "Arguments of login(1) for a console."},
	}
	hooks := []struct{ name, legacy, doc string }{
		{"exec_prestart", "/usr/bin/true", "Command run on the host before the jail is created."},
		{"exec_created", "", "Command run on the host after the jail was created, before exec_start."},
		{"exec_poststart", "/usr/bin/true", "Command run on the host after exec_start."},
		{"exec_prestop", "/usr/bin/true", "Command run on the host before exec_stop."},
		{"exec_poststop", "/usr/bin/true", "Command run on the host after the jail is gone."},
	}
	for _, h := range hooks {
		rows = append(rows, Property{Name: h.name, Type: TypeText, Scope: ScopeHook, Inherited: true, Used: true,
			Peers: Peers{"none", "/usr/bin/true", h.legacy, h.legacy}, Doc: h.doc})
	}
	return rows
}

// hostTable has boot order, dependencies and host services.
func hostTable() []Property {
	return []Property{
		{Name: "boot", Type: TypeBool, Default: "no", Scope: ScopeHost, Inherited: true, Used: true, Peers: Peers{"no", "0", "off", "off"}, Doc: "Start with the host."},
		{Name: "priority", Type: TypeInt, Default: "0", Min: -1 << 31, Max: 1<<31 - 1, Scope: ScopeHost, Inherited: true, Used: true, Peers: Peers{"0", "99", "99", "99"}, Doc: "Boot order: lower starts first and stops last."},
		{Name: "depends", Type: TypeDepends, Scope: ScopeHost, Inherited: true, Used: true, Peers: Peers{"none", "none", "", ""},
			Doc: "Jails to start first: a selector such as db,web. iocage's blank separated names are read as such a list."},
		{Name: "rlimits", Type: TypeAutoBool, Scope: ScopeHost, Inherited: true, Used: true, Peers: Peers{"none", "off", "off", "off"}, Doc: "Apply resource limits: yes, no, or none for when kern.racct.enable is 1. Not read in a file that iocage has written, as by iocage."},
		{Name: "cpuset", Type: TypeCPUSet, Default: "off", Scope: ScopeHost, Inherited: true, Used: true, Peers: Peers{"", "off", "off", "off"}, Doc: "CPUs of the jail: off, all, or a list such as 0,2-3."},
		{Name: "bpf", Type: TypeBool, form: formDigit, Default: "0", Scope: ScopeHost, Inherited: true, Used: true, Peers: Peers{"", "0", "off", ""}, Doc: "Show /dev/bpf* inside."},
		{Name: "allow_tun", Type: TypeBool, form: formDigit, Default: "0", Scope: ScopeHost, Inherited: true, Used: true, Peers: Peers{"", "0", "", ""}, Doc: "Show /dev/tun* inside. Not a kernel parameter."},
		{Name: "min_dyn_devfs_ruleset", Type: TypeInt, Default: "1000", Min: 1, Max: 65535, Scope: ScopeHost, Inherited: true, Used: true, Peers: Peers{"", "1000", "", ""}, Doc: "First number of devfs rulesets created at start."},
		{Name: "host_time", Type: TypeBool, form: formDigit, Default: "0", Scope: ScopeHost, Inherited: true, Used: true, Peers: Peers{"", "1", "", ""}, Doc: "Copy the host's /etc/localtime at start."},
	}
}
