package jail_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

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
