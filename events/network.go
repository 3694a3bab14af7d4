package events

import "slices"

// Events of the network. libioc derives JailNetworkTeardown from JailStop; here
// a type switch on JailStop does not match it.

// JailNetworkSetup tells that a jail's network is set up.
type JailNetworkSetup struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
}

// Type returns "JailNetworkSetup".
func (JailNetworkSetup) Type() string { return "JailNetworkSetup" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailNetworkSetup) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailNetworkSetup) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailNetworkSetup) subject() string              { return e.Jail }

// JailNetworkTeardown tells that a jail's network is taken down.
type JailNetworkTeardown struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
}

// Type returns "JailNetworkTeardown".
func (JailNetworkTeardown) Type() string { return "JailNetworkTeardown" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailNetworkTeardown) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailNetworkTeardown) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailNetworkTeardown) subject() string              { return e.Jail }

// VnetInterfaceConfig tells that one interface of a vnet jail is made, or
// destroyed.
type VnetInterfaceConfig struct {
	Header        `json:"-"`
	Jail          string `json:"jail"`
	Interface     string `json:"interface"`      // name in the jail
	HostInterface string `json:"host_interface"` // name on the host, the epair(4) side
	Bridge        string `json:"bridge"`         // if_bridge(4) it joins
	Destroy       bool   `json:"destroy"`
}

// Type returns "VnetInterfaceConfig".
func (VnetInterfaceConfig) Type() string { return "VnetInterfaceConfig" }

// MarshalJSON returns the wire form, see [Marshal].
func (e VnetInterfaceConfig) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e VnetInterfaceConfig) with(h Header) IocEvent       { e.Header = h; return e }
func (e VnetInterfaceConfig) subject() string              { return e.Jail }

// VnetSetupLocalhost tells that lo0 of a vnet jail is configured.
type VnetSetupLocalhost struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
}

// Type returns "VnetSetupLocalhost".
func (VnetSetupLocalhost) Type() string { return "VnetSetupLocalhost" }

// MarshalJSON returns the wire form, see [Marshal].
func (e VnetSetupLocalhost) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e VnetSetupLocalhost) with(h Header) IocEvent       { e.Header = h; return e }
func (e VnetSetupLocalhost) subject() string              { return e.Jail }

// VnetSetRoutes tells that routes of a vnet jail are set.
type VnetSetRoutes struct {
	Header `json:"-"`
	Jail   string   `json:"jail"`
	Routes []string `json:"routes"` // destination and gateway, as route(8) takes them
}

// Type returns "VnetSetRoutes".
func (VnetSetRoutes) Type() string { return "VnetSetRoutes" }

// MarshalJSON returns the wire form, see [Marshal].
func (e VnetSetRoutes) MarshalJSON() ([]byte, error) { return Marshal(e) }

func (e VnetSetRoutes) with(h Header) IocEvent {
	e.Header = h
	e.Routes = slices.Clone(e.Routes)
	return e
}
func (e VnetSetRoutes) subject() string { return e.Jail }

// VnetAddressRequest tells that an address is asked for inside a vnet jail, and what
// was given.
type VnetAddressRequest struct {
	Header    `json:"-"`
	Jail      string `json:"jail"`
	Interface string `json:"interface"` // in the jail
	Method    string `json:"method"`    // dhcp or slaac
	Address   string `json:"address"`   // with its length, once it is there
}

// Type returns "VnetAddressRequest".
func (VnetAddressRequest) Type() string { return "VnetAddressRequest" }

// MarshalJSON returns the wire form, see [Marshal].
func (e VnetAddressRequest) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e VnetAddressRequest) with(h Header) IocEvent       { e.Header = h; return e }
func (e VnetAddressRequest) subject() string              { return e.Jail }

// JailFirewall tells that rules of a packet filter are set for a jail.
type JailFirewall struct {
	Header    `json:"-"`
	Jail      string   `json:"jail"`
	Filter    string   `json:"filter"`    // ipfw or pf
	Rules     []string `json:"rules"`     // as the filter's own tool takes them
	Guarantee string   `json:"guarantee"` // what they keep the jail from, for ipfw(8)
}

// Type returns "JailFirewall".
func (JailFirewall) Type() string { return "JailFirewall" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailFirewall) MarshalJSON() ([]byte, error) { return Marshal(e) }

func (e JailFirewall) with(h Header) IocEvent {
	e.Header = h
	e.Rules = slices.Clone(e.Rules)
	return e
}
func (e JailFirewall) subject() string { return e.Jail }

// JailCpuset tells that a jail is bound to CPUs.
type JailCpuset struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
	CPUs   string `json:"cpus"` // numbers and ranges, as cpuset(1) takes them
}

// Type returns "JailCpuset".
func (JailCpuset) Type() string { return "JailCpuset" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailCpuset) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailCpuset) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailCpuset) subject() string              { return e.Jail }

// JailConfigApply tells that properties of a jail are changed, and when each
// counts.
type JailConfigApply struct {
	Header    `json:"-"`
	Jail      string   `json:"jail"`
	Live      []string `json:"live"`       // keys that count at once
	NextStart []string `json:"next_start"` // keys that count from the next start on
}

// Type returns "JailConfigApply".
func (JailConfigApply) Type() string { return "JailConfigApply" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailConfigApply) MarshalJSON() ([]byte, error) { return Marshal(e) }

func (e JailConfigApply) with(h Header) IocEvent {
	e.Header = h
	e.Live = slices.Clone(e.Live)
	e.NextStart = slices.Clone(e.NextStart)
	return e
}
func (e JailConfigApply) subject() string { return e.Jail }
