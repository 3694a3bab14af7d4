package config_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
)

// TestOwnProperties: this library's own user.* keys were free text: a mistake was told when
// the jail started, under another key's name or not at all.
func TestOwnProperties(t *testing.T) {
	for key, rows := range map[string]struct{ right, wrong []string }{
		"user.ready":                 {[]string{"tcp=80", "none", "exec='/bin/a b' timeout=2m"}, []string{"yes", "tcp=0", "file=var/x"}},
		"user.health":                {[]string{"process=nginx failures=3", "-"}, []string{"nginx", "failures=3"}},
		"user.restart":               {[]string{"never", "failure backoff=10 max=5m tries=2"}, []string{"yes", "always tries=0"}},
		"user.nat":                   {[]string{"yes", "1", "true", "on", "no", "em0", "none"}, []string{"em0 em1", "a-name-that-is-too-long"}},
		"user.forwards":              {[]string{"80", "8080:80/udp@em0, 443", "none"}, []string{"http", "80/icmp", "0"}},
		"user.forwards_open":         {[]string{"yes", "1", "off"}, []string{"maybe"}},
		"user.exec_consolelog":       {[]string{"/var/log/web.log", "none"}, []string{"web.log"}},
		"user.network.bridge":        {[]string{"create", "require", "none"}, []string{"maybe"}},
		"user.network.secure":        {[]string{"full", "libioc"}, []string{"some"}},
		"user.network.static":        {[]string{"yes", "0", "none"}, []string{"auto?"}},
		"user.network.dhcp":          {[]string{"optional", "required"}, []string{"no"}},
		"user.network.dhcp_timeout":  {[]string{"10", "0.3", "3600"}, []string{"0", "-1", "1h", "3601"}},
		"user.network.mac_algorithm": {[]string{"libioc", "iocage"}, []string{"own"}},
		"user.network.mac_salt":      {[]string{"host", "none"}, []string{"sea"}},
		"user.network.routes": {
			[]string{"203.0.113.0/24=10.0.0.1@vnet0,2001:db8::/32=fe80::1@vnet0", "none"},
			[]string{"203.0.113.0/24", "203.0.113.0=10.0.0.1", "203.0.113.0/24=auto", "203.0.113.0/24=2001:db8::1"},
		},
	} {
		p, known := config.Lookup(key)
		require.True(t, known && p.Used && p.Doc != "", key)
		for _, text := range rows.right {
			c := config.New()
			require.NoError(t, c.Set(key, text), "%s=%s", key, text)
			data, err := c.Encode()
			require.NoError(t, err)
			again, err := config.Parse(data, config.JSON)
			require.NoError(t, err)
			require.Empty(t, again.Problems(), "%s", data)
		}
		for _, text := range rows.wrong {
			c := config.New()
			err := c.Set(key, text)
			require.ErrorIs(t, err, config.ErrInvalidValue, "%s=%s", key, text)
			wrong, ok := errors.AsType[*config.PropertyError](err)
			require.True(t, ok)
			require.Equal(t, key, wrong.Key)
			require.False(t, c.Has(key))
		}
	}
	// Others are the user's own text.
	c := config.New()
	require.NoError(t, c.Set("user.readiness", "none"))
	text, err := config.Effective{Own: c}.Text("user.readiness")
	require.NoError(t, err)
	require.Equal(t, "none", text)
}

// TestProblemOfAnInheritedValue: the value that counts is the one that is told.
func TestProblemOfAnInheritedValue(t *testing.T) {
	parse := func(text string) *config.Config {
		c, err := config.Parse([]byte(text), config.JSON)
		require.NoError(t, err)
		return c
	}
	wrong, right, empty := parse(`{"user.restart": "sometimes"}`), parse(`{"user.restart": "always"}`), parse(`{}`)
	for _, row := range []struct {
		own, defaults *config.Config
		is            error
	}{
		{wrong, nil, config.ErrInvalidValue}, {wrong, right, config.ErrInvalidValue}, {empty, wrong, config.ErrInvalidValue},
		{right, wrong, nil}, {right, nil, nil}, {empty, nil, nil},
	} {
		err := config.Effective{Own: row.own, Defaults: row.defaults}.Problem("user.restart")
		require.ErrorIs(t, err, row.is)
	}
}

// TestMigrateWritesNoKeyThatActs: iocage's nat=1, which has no effect in a jail of iocage's
// here, became user.nat, which has.
func TestMigrateWritesNoKeyThatActs(t *testing.T) {
	for _, p := range config.Properties() {
		text := "7"
		switch p.Type {
		case config.TypeBool, config.TypeAutoBool:
			text = "1"
		case config.TypeWord:
			text = p.Words[len(p.Words)-1]
		}
		c, err := config.Parse([]byte(`{"CONFIG_VERSION": "34", "`+p.Name+`": "`+text+`"}`), config.JSON)
		require.NoError(t, err)
		_, changes := c.Migrate(config.MigrateOptions{})
		for _, change := range changes {
			if to, ok := config.Lookup(change.NewKey); ok && change.NewKey != change.Key && len(change.NewKey) > 5 && change.NewKey[:5] == "user." {
				require.False(t, to.Used, "%s became %s=%s", p.Name, change.NewKey, change.New)
			}
			require.False(t, change.Key == change.NewKey && change.Old == change.New, "%+v changes nothing", change)
		}
	}
	c, err := config.Parse([]byte(`{"CONFIG_VERSION": "34", "nat": "1"}`), config.JSON)
	require.NoError(t, err)
	now, _ := c.Migrate(config.MigrateOptions{})
	text, ok := now.Raw("user.was_nat")
	require.True(t, ok)
	require.Equal(t, "1", text)
	require.False(t, now.Has("user.nat"))
}

// TestGatewayOfIocagesNIC: iocage calls the jail's end of vnet0 epair0b, and so do scoped
// gateways in its files: the jail was refused, having no interface epair0b.
func TestGatewayOfIocagesNIC(t *testing.T) {
	for _, row := range []struct{ file, want, migrated string }{
		{`{"CONFIG_VERSION": "34", "defaultrouter6": "fe80::1%epair0b"}`, "fe80::1@vnet0", "fe80::1@vnet0"},
		{`{"CONFIG_VERSION": "34", "defaultrouter": "192.0.2.1@epair12b"}`, "192.0.2.1@vnet12", "192.0.2.1@vnet12"},
		{`{"CONFIG_VERSION": "34", "defaultrouter6": "fe80::1%em0"}`, "fe80::1@em0", "fe80::1@em0"},
		{`{"CONFIG_VERSION": "34", "defaultrouter6": "fe80::1%epairb"}`, "fe80::1@epairb", "fe80::1@epairb"},
		{`{"id": "web", "defaultrouter6": "fe80::1%epair0b"}`, "fe80::1@epair0b", "fe80::1@epair0b"},
	} {
		c, err := config.Parse([]byte(row.file), config.JSON)
		require.NoError(t, err)
		key := "defaultrouter6"
		if !c.Has(key) {
			key = "defaultrouter"
		}
		text, err := config.Effective{Own: c}.Text(key)
		require.NoError(t, err)
		require.Equal(t, row.want, text)
		now, _ := c.Migrate(config.MigrateOptions{})
		text, _ = now.GetString(key)
		require.Equal(t, row.migrated, text)
	}
}
