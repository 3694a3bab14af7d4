package config

// infoTable has properties of other programs that this library only keeps.
func infoTable() []Property {
	row := func(name string, peers Peers, doc string) Property {
		return Property{Name: name, Type: TypeText, Scope: ScopeInfo, Peers: peers, Doc: doc}
	}
	all := func(text string) Peers { return Peers{"", text, text, text} }
	legacy := func(text string) Peers { return Peers{"", "", text, text} }
	iocage := func(text string) Peers { return Peers{Iocage: text} }
	return []Property{
		row("CONFIG_VERSION", iocage("34"), "Version of iocage's configuration."),
		row("CONFIG_TYPE", iocage("per jail"), "THIN or THICK: whether iocage stored every key."),
		row("available", all("readonly"), "Mirror of the dataset's available."),
		row("branch", legacy("-"), "Branch of legacy's source checkout."),
		row("comment", iocage("none"), "Remark."),
		row("compressratio", all("readonly"), "Mirror of the dataset's compressratio."),
		row("count", Peers{"", "1", "1", ""}, "How many jails a create makes."),
		row("ftpdir", legacy("-"), "Directory on ftphost."),
		row("ftpfiles", Peers{Legacy18: "base.txz doc.txz lib32.txz src.txz"}, "Archives of a release."),
		row("ftphost", legacy("ftp.freebsd.org"), "Server of releases."),
		row("ftplocaldir", Peers{Legacy18: "-"}, "Local directory of releases."),
		row("gitlocation", legacy("https://github.com"), "Server of sources."),
		row("hack88", legacy("0"), "legacy: mountpoints shorter than 88 characters."),
		row("last_started", all("none"), "Time of the last start."),
		row("mountpoint", all("readonly"), "Mirror of the dataset's mountpoint."),
		row("notes", all("none"), "Remark."),
		row("origin", all("readonly"), "Mirror of the dataset's origin."),
		row("owner", all("root"), "Owner of the jail."),
		row("pkglist", Peers{Legacy18: "none"}, "File of packages to install at create."),
		row("plugin_name", iocage("none"), "Name of the plugin in the jail."),
		row("plugin_repository", iocage("none"), "Repository of the plugin."),
		row("pool", Peers{Legacy18: "none"}, "Pool in use; in legacy's defaults only."),
		row("start", legacy("-"), "legacy: listed, without meaning."),
		{Name: "sync_state", Type: TypeText, Scope: ScopeInfo, Aliases: []string{"sync_stat"}, Peers: iocage("none"), Doc: "State of replication."},
		row("sync_target", all("none"), "Target of replication."),
		row("sync_tgt_zpool", all("none"), "Target pool of replication."),
		row("used", all("readonly"), "Mirror of the dataset's used."),
		row("volumes", Peers{Legacy17: "none"}, "legacy: listed, without meaning."),
	}
}
