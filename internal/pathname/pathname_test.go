package pathname

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCut(t *testing.T) {
	for _, c := range []struct {
		name, dir, rest string
		within          bool
	}{
		{"/jails/web", "/jails/web", "", true},
		{"/jails/web/etc", "/jails/web", "/etc", true},
		{"/jails/web/etc/rc.d", "/jails/web/", "/etc/rc.d", true},
		{"/jails/webmail", "/jails/web", "", false},
		{"/jails", "/jails/web", "", false},
		{"/jails", "/", "/jails", true},
		{"/", "/", "/", true},
		{"tank/ioc", "tank", "/ioc", true},
		{"tank2", "tank", "", false},
		{"tank", "/", "", false},
	} {
		rest, within := Cut(c.name, c.dir)
		require.Equal(t, c.within, within, "%s within %s", c.name, c.dir)
		require.Equal(t, c.rest, rest)
		require.Equal(t, c.within, Within(c.name, c.dir))
	}
}
