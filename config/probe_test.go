package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
)

func TestParseProbe(t *testing.T) {
	for _, tc := range []struct {
		text string
		want config.Probe
		err  string
	}{
		{"", config.Probe{}, ""},
		{"none", config.Probe{}, ""},
		{"tcp=80", config.Probe{Checks: []config.ProbeCheck{{Kind: "tcp", Text: "80"}}}, ""},
		{"tcp=[2001:db8::5]:80 interval=2 timeout=1.5m failures=7",
			config.Probe{Checks: []config.ProbeCheck{{Kind: "tcp", Text: "[2001:db8::5]:80"}}, Interval: 2 * time.Second, Timeout: 90 * time.Second, Failures: 7}, ""},
		{`exec="/bin/x -a \"b c\" 'd'" file=/x`, config.Probe{Checks: []config.ProbeCheck{
			{Kind: "exec", Text: `/bin/x -a "b c" 'd'`, Argv: []string{"/bin/x", "-a", "b c", "d"}}, {Kind: "file", Text: "/x"},
		}}, ""},
		{"tcp", config.Probe{}, "KEY=VALUE"},
		{"tcp=", config.Probe{}, "KEY=VALUE"},
		{"tcp=0", config.Probe{}, "not a port"},
		{"tcp=:80", config.Probe{}, "no address"},
		{"tcp=65536", config.Probe{}, "not a port"},
		{"file=var/x", config.Probe{}, "absolute"},
		{"exec='x \"y'", config.Probe{}, "not a command"},
		{"exec='x", config.Probe{}, "quote"},
		{"udp=5", config.Probe{}, "unknown"},
		{"interval=1s", config.Probe{}, "nothing to check"},
		{"tcp=1 interval=0", config.Probe{}, "between"},
		{"tcp=1 interval=-1s", config.Probe{}, "between"},
		{"tcp=1 timeout=99999999999", config.Probe{}, "more than"},
		{"tcp=1 timeout=soon", config.Probe{}, "not a duration"},
		{"tcp=1 failures=0", config.Probe{}, "1 to 1000"},
	} {
		p, err := config.ParseProbe(tc.text)
		if tc.err != "" {
			require.ErrorIs(t, err, config.ErrInvalidValue, tc.text)
			require.Contains(t, err.Error(), tc.err, tc.text)
			continue
		}
		require.NoError(t, err, tc.text)
		require.Equal(t, tc.want, p, tc.text)
	}
}

func FuzzParseProbe(f *testing.F) {
	for _, seed := range []string{"tcp=80", `exec="a \"b\"" file=/x interval=1s`, `process='a b'`, `exec=a\ b`, "tcp=[::1]:1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := config.ParseProbe(text)
		if err != nil || len(p.Checks) == 0 {
			return
		}
		again, err := config.ParseProbe(p.String())
		require.NoError(t, err, p.String())
		require.Equal(t, p.Checks, again.Checks)
	})
}
