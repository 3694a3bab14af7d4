// Package key has a typed key for each property that this library acts on, and
// for the patterns of properties.
//
//	eff := web.Effective()
//	if key.Template.Of(eff) { ... }            // a bool, false for none
//	gateway, ok := key.Defaultrouter.Lookup(eff) // a config.Gateway, if there is one
//	uuid, ok := key.HostHostUUID.In(web.Config()) // the jail's own value
//
// A misspelled key, or a value taken for another type, does not compile. The
// rules of rctl(8) are read together, by config.Effective.Limits.
package key

//go:generate go test -run ^TestKeys$ . -generate

import "github.com/libioc/go-libioc/config"

// MAC returns the key of a nic's configured pair of link addresses.
func MAC(nic string) config.Key[config.MACPair] { return config.NewKey[config.MACPair](nic + "_mac") }

// MTU returns the key of a nic's MTU, 0 for the bridge's.
func MTU(nic string) config.Key[int] { return config.NewKey[int](nic + "_mtu") }

// User returns the key of a property user.*, whose text is taken as it is.
func User(name string) config.Key[string] { return config.NewKey[string]("user." + name) }
