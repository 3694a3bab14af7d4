package events

// Events of the network. libioc derives JailNetworkTeardown from JailStop; here
// a type switch on JailStop does not match it.

type (
	// JailNetworkSetup reports that a jail's network is set up.
	JailNetworkSetup JailFields
	// JailNetworkTeardown reports that a jail's network is taken down.
	JailNetworkTeardown JailFields
	// VnetSetupLocalhost reports that lo0 of a vnet jail is configured.
	VnetSetupLocalhost JailFields
)

// VnetInterfaceConfig reports that one interface of a vnet jail is created or
// destroyed.
type VnetInterfaceConfig struct {
	Header        `json:"-"`
	Jail          string `json:"jail"`
	Interface     string `json:"interface"`      // name in the jail
	HostInterface string `json:"host_interface"` // name on the host, the epair(4) side
	Bridge        string `json:"bridge"`         // the if_bridge(4) it joins
	Destroy       bool   `json:"destroy"`
}

// VnetSetRoutes reports that routes of a vnet jail are set.
type VnetSetRoutes struct {
	Header `json:"-"`
	Jail   string   `json:"jail"`
	Routes []string `json:"routes"` // destination and gateway, as route(8) takes them
}

// VnetAddressRequest reports that an address is requested inside a vnet jail, and
// which one was assigned.
type VnetAddressRequest struct {
	Header    `json:"-"`
	Jail      string `json:"jail"`
	Interface string `json:"interface"` // in the jail
	Method    string `json:"method"`    // dhcp or slaac
	Address   string `json:"address"`   // with prefix length, once assigned
}

// JailFirewall reports that rules of a packet filter are set for a jail.
type JailFirewall struct {
	Header    `json:"-"`
	Jail      string   `json:"jail"`
	Filter    string   `json:"filter"`    // ipfw or pf
	Rules     []string `json:"rules"`     // as the filter's own tool takes them
	Guarantee string   `json:"guarantee"` // what the rules prevent, for ipfw(8)
}

// JailCpuset reports that a jail is bound to CPUs.
type JailCpuset struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
	CPUs   string `json:"cpus"` // numbers and ranges, as cpuset(1) takes them
}

// JailConfigApply reports that properties of a jail are changed, and when each
// change takes effect.
type JailConfigApply struct {
	Header    `json:"-"`
	Jail      string   `json:"jail"`
	Live      []string `json:"live"`       // keys that take effect at once
	NextStart []string `json:"next_start"` // keys that take effect at the next start
}
