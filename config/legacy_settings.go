package config

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed legacy_settings.tsv
var legacyTable string

// LegacySetting is a property as iocage_legacy's "iocage get all" shows it.
type LegacySetting struct {
	Key string
	// JailOnly: the defaults do not have it.
	JailOnly bool
	// Unset is the word for no value: "none", "-" or "off", or legacy's own
	// default. It also determines the words of truth values: 0 and 1, off and on,
	// or no and yes.
	Unset string
}

var legacySettings = sync.OnceValue(func() []LegacySetting {
	var out []LegacySetting
	for line := range strings.Lines(legacyTable) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		out = append(out, LegacySetting{f[0], f[1] == "jail", f[2]})
	}
	return out
})

// LegacySettings returns the 115 settings of iocage_legacy 1.7, by key. Some of them
// (available, compression, compressratio, dedup, mountpoint, origin, quota,
// reservation, used) are properties of the dataset, which no configuration has.
func LegacySettings() []LegacySetting { return append([]LegacySetting(nil), legacySettings()...) }

// Text returns the setting's value in a configuration, as iocage_legacy shows it:
// stored text as it is stored, with truth values in the setting's own spelling,
// else the effective value, else the word for no value.
func (s LegacySetting) Text(e Effective) string {
	for _, c := range []*Config{e.Own, e.Defaults} {
		if c == nil {
			continue
		}
		if text, ok := c.Raw(s.Key); ok {
			return s.spell(text)
		}
	}
	text, err := e.Text(s.Key)
	if err != nil || isNone(text) {
		return s.Unset
	}
	return s.spell(text)
}

// spell returns a truth value in the setting's spelling, limits in legacy's order, such as
// "8G:log", and other text as it is.
func (s LegacySetting) spell(text string) string {
	p, known := Lookup(s.Key)
	if known && p.Type == TypeLimit {
		return legacyLimits(text)
	}
	if !known || p.Type != TypeBool {
		return text
	}
	on, err := ParseBool(text)
	if err != nil {
		return text
	}
	for _, words := range [][2]string{{"0", "1"}, {"off", "on"}, {"no", "yes"}} {
		if s.Unset != words[0] && s.Unset != words[1] {
			continue
		}
		if on {
			return words[1]
		}
		return words[0]
	}
	if !on && s.Unset == "-" {
		return s.Unset
	}
	return text
}

// legacyLimits turns libioc's "log=8G" round.
func legacyLimits(text string) string {
	rules := strings.Split(text, ",")
	for i, rule := range rules {
		if action, amount, ok := strings.Cut(strings.TrimSpace(rule), "="); ok && !strings.Contains(action, ":") {
			rules[i] = amount + ":" + action
		}
	}
	return strings.Join(rules, ",")
}
