package config

import (
	"slices"
	"strings"
)

// WithoutEffect lists the values that the program of the configuration would act on and
// that have no effect here, such as "nat=1", in the order of the schema. The default
// of a program that knows the property is left out.
func (e Effective) WithoutEffect() (list []string) {
	for _, p := range Properties() {
		if p.Scope == ScopeInfo || p.Used && p.Name != "dhcp" || p.Param != "" || !e.IsSet(p.Name) {
			continue
		}
		text, err := e.Text(p.Name)
		switch {
		case err != nil || isNone(text) || p.isDefault(text):
		case p.Name == "dhcp" && NewKey[bool]("vnet").Of(e):
		case strings.HasPrefix(p.Name, "nat_") && !NewKey[bool]("nat").Of(e): // of no use there either
		case p.Name == "localhost_ip" && !NewKey[bool]("assign_localhost").Of(e):
		default:
			list = append(list, p.Name+"="+text)
		}
	}
	return list
}

// isDefault reports whether a text is what the property is by default, here or in another
// program.
func (p Property) isDefault(text string) bool {
	return slices.Contains([]string{p.Default, p.Peers.Libioc, p.Peers.Iocage, p.Peers.Legacy18, p.Peers.Legacy17}, text)
}
