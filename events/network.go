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
