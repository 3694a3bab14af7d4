package jail_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// TestReady: each kind of check fails first and succeeds when what it looks for
// exists.
func TestReady(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	ready := make(chan struct{})
	programs := map[string]simkernel.Program{
		"isready": func(context.Context, *simkernel.Process) int {
			select {
			case <-ready:
				return 0
			default:
				return 3
			}
		},
		"service": func(ctx context.Context, p *simkernel.Process) int { <-ctx.Done(); return 0 },
		"nc": func(ctx context.Context, p *simkernel.Process) int {
			if strings.Join(p.Argv, " ") != "/usr/bin/nc -z -w 5 localhost 80" {
				return 64
			}
			select {
			case <-ready:
				return 0
			default:
				return 1
			}
		},
	}
	for _, tc := range []struct {
		name, probe string
		more        map[string]string
		arrive      func(t *testing.T, h *simhost.Host, j *jail.Jail)
		says        string
	}{
		{"file", "file=/var/run/web.pid", nil, func(t *testing.T, h *simhost.Host, _ *jail.Jail) { writeRoot(t, h, "web", "var/run/web.pid") }, "no such file"},
		{"exec", `exec="/bin/isready -q 'two words'"`, nil, func(*testing.T, *simhost.Host, *jail.Jail) { close(ready) }, "exit status 3"},
		{"process", "process=service", nil, func(t *testing.T, h *simhost.Host, j *jail.Jail) {
			another := load(t, h, j.Name())[0] // the configuration of j is changed in the meantime
			go another.Exec(context.Background(), []string{"/bin/service"}, jail.ExecOptions{})
		}, "no process"},
		{"tcp", "tcp=" + port, map[string]string{"ip4": "inherit"}, func(t *testing.T, _ *simhost.Host, _ *jail.Jail) {
			again, err := net.Listen("tcp", "127.0.0.1:"+port)
			require.NoError(t, err)
			t.Cleanup(func() { again.Close() })
		}, "refused"},
		{"address", "tcp=" + port, map[string]string{"ip4_addr": "lo0|127.0.0.1/32"}, func(t *testing.T, _ *simhost.Host, _ *jail.Jail) {
			again, err := net.Listen("tcp", "127.0.0.1:"+port)
			require.NoError(t, err)
			t.Cleanup(func() { again.Close() })
		}, "refused"},
		{"no address", "tcp=" + port, nil, nil, "no address"},
		{"vnet", "tcp=80", map[string]string{"vnet": "yes"}, func(*testing.T, *simhost.Host, *jail.Jail) { close(ready) }, "exit status 1"},
		{"two", "file=/a file=/b", nil, func(t *testing.T, h *simhost.Host, _ *jail.Jail) {
			writeRoot(t, h, "web", "a")
			writeRoot(t, h, "web", "b")
		}, "/a"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ready = make(chan struct{})
			h := openHost(t, simhost.Options{Programs: programs})
			ctx := context.Background()
			properties := map[string]string{"user.ready": tc.probe + " interval=10ms timeout=800ms"}
			for key, value := range tc.more {
				properties[key] = value
			}
			putPlain(t, h, "web", properties)
			for _, program := range []string{"bin/isready", "bin/service", "usr/bin/nc"} {
				writeRoot(t, h, "web", program)
			}
			j := load(t, h, "web")[0]
			require.ErrorIs(t, j.WaitReady(ctx), jail.ErrNotRunning)
			_, err := j.Start(ctx, jail.StartOptions{})
			require.NoError(t, err)

			err = j.WaitReady(ctx)
			require.ErrorIs(t, err, jail.ErrNotReady)
			require.Contains(t, strings.ToLower(err.Error()), tc.says)
			if tc.arrive == nil {
				return
			}
			tc.arrive(t, h, j)
			require.NoError(t, j.Config().Set("user.ready", tc.probe+" interval=10ms timeout=10s"))
			require.NoError(t, j.WaitReady(ctx))

			require.NoError(t, j.Config().Set("user.health", tc.probe))
			require.NoError(t, j.Healthy(ctx))
			_, err = j.Stop(ctx, jail.StopOptions{})
			require.NoError(t, err)
			require.ErrorIs(t, j.Healthy(ctx), jail.ErrNotRunning)
		})
	}
}

func TestParseProbe(t *testing.T) {
	for _, tc := range []struct {
		text string
		want jail.Probe
		err  string
	}{
		{"", jail.Probe{}, ""},
		{"none", jail.Probe{}, ""},
		{"tcp=80", jail.Probe{Checks: []jail.Check{{Kind: "tcp", Text: "80"}}}, ""},
		{"tcp=[2001:db8::5]:80 interval=2 timeout=1.5m failures=7",
			jail.Probe{Checks: []jail.Check{{Kind: "tcp", Text: "[2001:db8::5]:80"}}, Interval: 2 * time.Second, Timeout: 90 * time.Second, Failures: 7}, ""},
		{`exec="/bin/x -a \"b c\" 'd'" file=/x`, jail.Probe{Checks: []jail.Check{
			{Kind: "exec", Text: `/bin/x -a "b c" 'd'`, Argv: []string{"/bin/x", "-a", "b c", "d"}}, {Kind: "file", Text: "/x"},
		}}, ""},
		{"tcp", jail.Probe{}, "KEY=VALUE"},
		{"tcp=", jail.Probe{}, "KEY=VALUE"},
		{"tcp=0", jail.Probe{}, "not a port"},
		{"tcp=:80", jail.Probe{}, "no address"},
		{"tcp=65536", jail.Probe{}, "not a port"},
		{"file=var/x", jail.Probe{}, "absolute"},
		{"exec='x \"y'", jail.Probe{}, "not a command"},
		{"exec='x", jail.Probe{}, "quote"},
		{"udp=5", jail.Probe{}, "unknown"},
		{"interval=1s", jail.Probe{}, "nothing to check"},
		{"tcp=1 interval=0", jail.Probe{}, "between"},
		{"tcp=1 interval=-1s", jail.Probe{}, "between"},
		{"tcp=1 timeout=99999999999", jail.Probe{}, "more than"},
		{"tcp=1 timeout=soon", jail.Probe{}, "not a duration"},
		{"tcp=1 failures=0", jail.Probe{}, "1 to 1000"},
	} {
		p, err := jail.ParseProbe(tc.text)
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
		p, err := jail.ParseProbe(text)
		if err != nil || len(p.Checks) == 0 {
			return
		}
		again, err := jail.ParseProbe(p.String())
		require.NoError(t, err, p.String())
		require.Equal(t, p.Checks, again.Checks)
	})
}
