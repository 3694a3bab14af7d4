package config_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
)

// TestBounds: the first and the last value that a property takes, and the ones beyond.
func TestBounds(t *testing.T) {
	nic15, nic16 := strings.Repeat("n", 15), strings.Repeat("n", 16)
	for _, row := range []struct {
		key          string
		right, wrong []string
	}{
		{"interfaces", []string{nic15 + ":bridge0", "vnet0:" + nic15}, []string{nic16 + ":bridge0", "vnet0:" + nic16}},
		{"user.forwards", []string{"80@" + nic15, "1", "65535", "1-65535", "1-2:65534"}, []string{"80@" + nic16, "0", "65536", "2-1", "1-2:65535"}},
		{"user.health", []string{"tcp=1", "tcp=65535", "tcp=1 failures=1", "tcp=1 failures=1000"}, []string{"tcp=0", "tcp=65536", "tcp=1 failures=0", "tcp=1 failures=1001"}},
		{"user.ready", []string{"tcp=1 timeout=86400", "tcp=1 timeout=1ms"}, []string{"tcp=1 timeout=86401", "tcp=1 timeout=0.5ms"}},
		{"cpuset", []string{"3-3", "0-1"}, []string{"3-2"}},
		{"osrelease", []string{strings.Repeat("r", 30)}, []string{strings.Repeat("r", 31)}},
		{"mac_prefix", []string{"02", "02ff60010203"}, []string{"0", "02ff6001020304"}},
		{"exec_timeout", []string{"0", "2147483647"}, []string{"-1", "2147483648"}},
		{"memoryuse", []string{"9223372036854775807", "7e"}, []string{"9223372036854775808", "8e"}},
	} {
		for _, text := range row.right {
			require.NoError(t, config.New().Set(row.key, text), "%s=%s", row.key, text)
		}
		for _, text := range row.wrong {
			require.ErrorIs(t, config.New().Set(row.key, text), config.ErrInvalidValue, "%s=%s", row.key, text)
		}
	}
}

// TestLongestProperties: ZFS takes names of 255 bytes and values of 8191.
func TestLongestProperties(t *testing.T) {
	for _, row := range []struct {
		name, value int
		ok          bool
	}{{255, 8191, true}, {256, 1, false}, {100, 8192, false}} {
		key := "user." + strings.Repeat("k", row.name-len(config.PropertyPrefix)-len("user."))
		c := config.FromProperties(map[string]string{"org.freebsd.iocage:priority": "1"})
		require.NoError(t, c.Set(key, strings.Repeat("v", row.value)))
		_, err := c.Properties()
		require.Equal(t, row.ok, err == nil, fmt.Sprintf("%d, %d: %v", row.name, row.value, err))
	}
}

// TestSaveOfDefaults: they go into the file that counts, or nowhere.
func TestSaveOfDefaults(t *testing.T) {
	dir := t.TempDir()
	fresh := config.NewDefaults()
	require.NoError(t, fresh.Set("priority", "7"))
	ucl, _, err := fresh.Convert(config.UCL)
	require.NoError(t, err)
	require.NoError(t, ucl.Save(dir))
	read := func() string {
		c, err := config.ReadDefaults(dir)
		require.NoError(t, err)
		text, _ := c.GetString("priority")
		return filepath.Base(c.Path()) + " " + text
	}
	require.Equal(t, "defaults 7", read())
	require.NoError(t, fresh.Set("priority", "8"))
	require.NoError(t, fresh.Save(dir))
	require.Equal(t, "defaults.json 8", read())
	require.ErrorIs(t, ucl.Save(dir), config.ErrNotStorable)
	require.NoError(t, fresh.Save(dir))
	require.NoFileExists(t, filepath.Join(dir, "config.json"))
}
