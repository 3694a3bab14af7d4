package jail

import "strings"

// remedies say what to set in place of a property that has no effect here.
var remedies = map[string]string{
	"assign_localhost": "set ip4_addr=lo0|127.x.y.z",
	"dhcp":             "it needs vnet=yes",
	"ip_hostname":      "set ip4_addr and ip6_addr",
	"nat":              "set user.nat and, for ports, user.forwards",
}

// notes say which values of the configuration have no effect here, for the event of a
// start: the program that they are from would act on them.
func (j *Jail) notes() (out []string) {
	for _, item := range j.Effective().WithoutEffect() {
		name, _, _ := strings.Cut(item, "=")
		text := item + " has no effect"
		if remedy := remedies[name]; remedy != "" {
			text += ": " + remedy
		}
		out = append(out, text)
	}
	return out
}
