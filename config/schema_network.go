package config

import "strconv"

// networkTable has interfaces, addresses and routes.
func networkTable() []Property {
	rows := []Property{
		{Name: "vnet", Type: TypeBool, Default: "no", Inherited: true, Used: true, Param: "vnet", ParamType: ParamJailsys, Peers: Peers{"no", "0", "off", "off"}, Doc: "Own network stack."},
		{Name: "interfaces", Type: TypeInterfaces, Inherited: true, Used: true, Peers: Peers{"none", "vnet0:bridge0", "vnet0:bridge0,vnet1:bridge1", "vnet0:bridge0,vnet1:bridge1"},
			Doc: "nic:bridge pairs; nic::bridge is Secure VNET, nic:none an epair without a bridge."},
		{Name: "vnet_interfaces", Type: TypeNICs, Inherited: true, Used: true, Peers: Peers{"none", "none", "", ""}, Doc: "Host interfaces moved into the jail. In iocage separated by blanks."},
		{Name: "ip4_addr", Type: TypeAddresses4, Inherited: true, Used: true, Param: "ip4.addr", ParamType: ParamAddresses, Peers: Peers{"none", "none", "none", "none"},
			Doc: "nic|address/length or nic|dhcp, comma separated; the first is the primary address."},
		{Name: "ip6_addr", Type: TypeAddresses6, Inherited: true, Used: true, Param: "ip6.addr", ParamType: ParamAddresses, Peers: Peers{"none", "none", "none", "none"},
			Doc: "nic|address/length or nic|accept_rtadv, comma separated; the first is the primary address."},
		{Name: "defaultrouter", Type: TypeGateway4, Inherited: true, Used: true, Peers: Peers{"none", "auto", "none", "none"}, Doc: "IPv4 default route: address, address@nic, or auto for the host's."},
		{Name: "defaultrouter6", Type: TypeGateway6, Inherited: true, Used: true, Peers: Peers{"none", "auto", "none", "none"}, Doc: "IPv6 default route: address, address@nic, or auto for the host's."},
		{Name: "resolver", Type: TypeResolver, Default: "/etc/resolv.conf", Inherited: true, Used: true, Peers: Peers{"/etc/resolv.conf", "/etc/resolv.conf", "none", "none"},
			Doc: "/etc/resolv.conf copies the host's, /dev/null keeps the jail's own, else servers joined by semicolons. none is a copy in iocage and legacy, and the jail's own in libioc."},
		{Name: "mac_prefix", Type: TypeMACPrefix, Default: "02ff60", Inherited: true, Used: true, Peers: Peers{"02ff60", "host's nic", "02ff60", "02ff60"}, Doc: "Leading hexadecimal digits of generated link addresses."},
		{Name: "dhcp", Type: TypeBool, form: formDigit, Default: "0", Inherited: true, Used: true, Peers: Peers{"", "0", "off", ""}, Doc: "iocage's switch for DHCP on the first nic; ip4_addr=vnet0|dhcp here."},
		{Name: "rtsold", Type: TypeBool, form: formDigit, Default: "0", Inherited: true, Used: true, Peers: Peers{"", "0", "", ""}, Doc: "iocage's switch for rtsold(8); needs ip6_addr with accept_rtadv."},
		{Name: "ip_hostname", Type: TypeBool, form: formDigit, Default: "0", Inherited: true, Peers: Peers{"", "0", "", ""}, Doc: "iocage: derive addresses from the hostname."},
		{Name: "vnet_default_interface", Type: TypeText, Inherited: true, Used: true, Peers: Peers{"", "none", "", ""}, Doc: "Host interface added to the bridge; auto for the default route's."},
		{Name: "vnet_default_mtu", Type: TypeMTU, Default: "1500", Inherited: true, Used: true, Peers: Peers{"", "1500", "", ""}, Doc: "MTU of nics whose bridge has none."},
		{Name: "assign_localhost", Type: TypeBool, form: formDigit, Default: "0", Inherited: true, Peers: Peers{"", "0", "", ""}, Doc: "iocage: give the jail its own 127.x.y.z on lo0."},
		{Name: "localhost_ip", Type: TypeText, Peers: Peers{"", "none", "", ""}, Doc: "iocage: address chosen for assign_localhost."},
		{Name: "nat", Type: TypeBool, form: formDigit, Default: "0", Inherited: true, Peers: Peers{"", "0", "", ""}, Doc: "iocage: private address behind NAT."},
		{Name: "nat_prefix", Type: TypeText, Inherited: true, Peers: Peers{"", "172.16", "", ""}, Doc: "iocage: first two octets of NAT addresses."},
		{Name: "nat_interface", Type: TypeText, Inherited: true, Peers: Peers{"", "none", "", ""}, Doc: "iocage: outward interface of NAT."},
		{Name: "nat_backend", Type: TypeWord, Words: []string{"ipfw", "pf"}, Inherited: true, Peers: Peers{"", "ipfw", "", ""}, Doc: "iocage: packet filter that does NAT."},
		{Name: "nat_forwards", Type: TypeText, Inherited: true, Peers: Peers{"", "none", "", ""}, Doc: "iocage: forwarded ports, e.g. tcp(80:8080)."},
		{Name: "ip4_autostart", Type: TypeText, Used: true, Peers: Peers{"", "", "none", "none"}, Doc: "legacy: first host number of AUTOIP4."},
		{Name: "ip4_autoend", Type: TypeText, Used: true, Peers: Peers{"", "", "none", "none"}, Doc: "legacy: last host number of AUTOIP4."},
		{Name: "ip4_autosubnet", Type: TypeText, Used: true, Peers: Peers{"", "", "none", "none"}, Doc: "legacy: prefix length of AUTOIP4."},
	}
	for i := range rows {
		rows[i].Scope = ScopeNetwork
	}
	for i := range 4 {
		nic := "vnet" + strconv.Itoa(i)
		rows = append(rows,
			Property{Name: nic + "_mac", Type: TypeMAC, Scope: ScopeNetwork, Used: true, Peers: Peers{"-", "none", "none", "none"},
				Doc: "Link addresses of the host's and the jail's side of " + nic + "."},
			Property{Name: nic + "_mtu", Type: TypeMTU, Default: "auto", Scope: ScopeNetwork, Inherited: true, Used: true, Peers: Peers{"", "auto", "", ""},
				Doc: "MTU of " + nic + ", or auto for the bridge's."})
	}
	return rows
}
