package config

import (
	"path/filepath"
	"strconv"
	"time"
)

// userTable has this library's own properties. They are user.* ones, so that libioc and
// iocage still load the jail.
func userTable() []Property {
	return []Property{
		{Name: "user.ready", Type: TypeForm, check: checked(ParseProbe), Scope: ScopeHook, Inherited: true, Used: true,
			Doc: "When a started jail is ready for those that depend on it: tcp=, exec=, file=, process=, interval=, timeout=."},
		{Name: "user.health", Type: TypeForm, check: checked(ParseProbe), Scope: ScopeHook, Inherited: true, Used: true,
			Doc: "What has to be true while the jail runs: a probe as in user.ready, and failures=."},
		{Name: "user.exec_consolelog", Type: TypeForm, check: checkAbsolute, Scope: ScopeHook, Inherited: true, Used: true,
			Doc: "File of the host for the output of commands in the jail, jail(8)'s exec.consolelog."},
		{Name: "user.restart", Type: TypeForm, check: checked(ParseRestartPolicy), Scope: ScopeHost, Inherited: true, Used: true,
			Doc: "When a supervisor starts the jail again: never, failure or always, then backoff=, max=, tries=."},
		{Name: "user.nat", Type: TypeForm, check: checkNAT, Scope: ScopeNetwork, Inherited: true, Used: true,
			Doc: "NAT by pf(4): outward interface, yes for that of the default route, or no."},
		{Name: "user.forwards", Type: TypeForm, check: checked(ParseForwards), Scope: ScopeNetwork, Inherited: true, Used: true,
			Doc: "Ports of the host: [ADDRESS:]PORT[-LAST][:JAILPORT][/tcp|udp|both][@INTERFACE], comma separated."},
		{Name: "user.forwards_open", Type: TypeBool, form: formWord, Default: "no", Scope: ScopeNetwork, Inherited: true, Used: true,
			Doc: "Also pass what is forwarded, for a host that blocks by default."},
		{Name: "user.network.bridge", Type: TypeWord, Words: []string{"require", "create"}, Default: "require", Scope: ScopeNetwork, Inherited: true, Used: true,
			Doc: "Whether a missing bridge is made, with vnet_default_interface as uplink."},
		{Name: "user.network.secure", Type: TypeWord, Words: []string{"full", "libioc"}, Default: "full", Scope: ScopeNetwork, Inherited: true, Used: true,
			Doc: "Rules of Secure VNET: all of them, or libioc's."},
		{Name: "user.network.static", Type: TypeAutoBool, form: formWord, Scope: ScopeNetwork, Inherited: true, Used: true,
			Doc: "Bind a nic's address in the bridge's table; none for when the jail may have no jails of its own."},
		{Name: "user.network.routes", Type: TypeForm, check: checked(ParseStaticRoutes), Scope: ScopeNetwork, Inherited: true, Used: true,
			Doc: "Further routes: NETWORK/LENGTH=GATEWAY[@NIC], comma separated."},
		{Name: "user.network.dhcp", Type: TypeWord, Words: []string{"required", "optional"}, Default: "required", Scope: ScopeNetwork, Inherited: true, Used: true,
			Doc: "Whether the jail starts without a lease."},
		{Name: "user.network.dhcp_timeout", Type: TypeForm, check: checked(ParseDHCPTimeout), Default: strconv.Itoa(int(DefaultDHCPTimeout / time.Second)), Scope: ScopeNetwork, Inherited: true, Used: true,
			Doc: "Seconds that a start waits for a lease, up to 3600."},
		{Name: "user.network.mac_algorithm", Type: TypeWord, Words: []string{"libioc", "iocage"}, Default: "libioc", Scope: ScopeNetwork, Inherited: true, Used: true,
			Doc: "How link addresses are derived."},
		{Name: "user.network.mac_salt", Type: TypeWord, Words: []string{"host"}, Scope: ScopeNetwork, Inherited: true, Used: true,
			Doc: "host for other link addresses on each host."},
	}
}

// checked makes a check of a parser.
func checked[T any](parse func(text string) (T, error)) func(text string) error {
	return func(text string) error {
		_, err := parse(text)
		return err
	}
}

func checkAbsolute(text string) error {
	if !filepath.IsAbs(text) {
		return invalid("not an absolute path")
	}
	return nil
}

func checkNAT(text string) error {
	if _, err := ParseBool(text); err == nil {
		return nil
	}
	return validNIC(text)
}

// DefaultDHCPTimeout is how long a start waits for a lease by default: dhclient(8) itself
// gives up a first time after a minute.
const DefaultDHCPTimeout = 75 * time.Second

// ParseDHCPTimeout reads seconds, with a fraction if need be, up to an hour; none is the
// default. Errors wrap ErrInvalidValue.
func ParseDHCPTimeout(text string) (time.Duration, error) {
	if isNone(text) {
		return DefaultDHCPTimeout, nil
	}
	d, err := time.ParseDuration(text + "s")
	if err != nil || d <= 0 || d > time.Hour {
		return 0, invalid("%q is not 1 to 3600 seconds", text)
	}
	return d, nil
}
