package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLegacySettingsTable(t *testing.T) {
	all := LegacySettings()
	require.Len(t, all, 115)
	defaults := 0
	for _, s := range all {
		require.NotEmpty(t, s.Unset, s.Key)
		if !s.JailOnly {
			defaults++
		}
	}
	require.Equal(t, 109, defaults)
	require.True(t, slices.IsSortedFunc(all, func(a, b LegacySetting) int { return strings.Compare(a.Key, b.Key) }))
}

func TestLegacySettingText(t *testing.T) {
	own, err := Parse([]byte(`{"id": "web", "boot": "yes", "allow_raw_sockets": "yes", "memoryuse": "8G:log", "exec_timeout": "77", "x": "1"}`), JSON)
	require.NoError(t, err)
	defaults, err := Parse([]byte(`{"priority": "7", "boot": "no"}`), JSON)
	require.NoError(t, err)
	e := Effective{Own: own, Defaults: defaults}
	for key, want := range map[string]string{
		"boot":              "on",     // stored, spelled on or off
		"allow_raw_sockets": "1",      // stored, spelled 0 or 1
		"memoryuse":         "8G:log", // stored, as it is
		"priority":          "7",      // from the defaults
		"exec_timeout":      "77",
		"allow_mount":       "0",    // schema
		"istemplate":        "no",   // an alias, nothing stored
		"ip4_addr":          "none", // nothing at all
		"cputime":           "off",
		"hack88":            "0", // no property of ours
	} {
		i := slices.IndexFunc(LegacySettings(), func(s LegacySetting) bool { return s.Key == key })
		require.GreaterOrEqual(t, i, 0, key)
		require.Equal(t, want, LegacySettings()[i].Text(e), key)
	}
	require.Equal(t, "1", LegacySetting{Key: "x", Unset: "-"}.Text(e))
	require.Equal(t, "0", LegacySetting{Key: "allow_mount", Unset: "0"}.Text(Effective{Own: New()}))
}
