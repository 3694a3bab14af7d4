package config

// limitTable has the 25 resources of rctl(8). There are no hard-coded limits.
func limitTable() []Property {
	rows := make([]Property, 0, len(resources))
	for _, r := range resources {
		peers := Peers{"none", "off", "off", "off"}
		switch r.name {
		case "nsem", "readbps", "readiops", "writebps", "writeiops":
			peers = Peers{Libioc: "none", Iocage: "off"}
		case "memoryuse":
			peers = Peers{"none", "off", "8G:log", "8G:log"}
		}
		rows = append(rows, Property{Name: r.name, Type: TypeLimit, Scope: ScopeLimit, Inherited: true, Used: true, Peers: peers, Doc: r.doc})
	}
	return rows
}
