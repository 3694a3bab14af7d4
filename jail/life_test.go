package jail_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/release/releasetest"
)

const testRelease = "13.2-RELEASE"

// newHost is a simulated host with one fetched release.
func newHost(t testing.TB) *simhost.Host {
	t.Helper()
	h, err := simhost.New(memoryDir(t))
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	fetch(t, h)
	return h
}

func fetch(t testing.TB, h *simhost.Host) {
	t.Helper()
	require.NoError(t, releasetest.Fetch(context.Background(), h.Host, testRelease))
}

func newJail(t testing.TB, h *simhost.Host, name string, basejail bool, properties map[string]string) *jail.Jail {
	t.Helper()
	ctx := context.Background()
	j, err := jail.New(ctx, h.Host, jail.Spec{Name: name, Properties: properties})
	require.NoError(t, err)
	_, err = j.Create(ctx, jail.CreateOptions{Release: testRelease, Basejail: basejail})
	require.NoError(t, err)
	return j
}

func TestLife(t *testing.T) {
	for _, basejail := range []bool{false, true} {
		name := map[bool]string{false: "standalone", true: "basejail"}[basejail]
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			h := newHost(t)
			j := newJail(t, h, "web", basejail, nil)

			all, err := j.Start(ctx, jail.StartOptions{})
			require.NoError(t, err)
			for _, e := range all {
				t.Log(strings.Repeat("  ", e.Head().Depth) + events.Line(e))
			}
			running, err := j.Running(ctx)
			require.NoError(t, err)
			require.True(t, running)

			out, err := j.Exec(ctx, []string{"/bin/freebsd-version"}, jail.ExecOptions{})
			require.NoError(t, err)
			require.Equal(t, testRelease+"\n", string(out.Stdout))
			require.Zero(t, out.ExitCode)

			_, err = j.Start(ctx, jail.StartOptions{})
			require.ErrorIs(t, err, jail.ErrRunning)
			_, err = j.Destroy(ctx, jail.DestroyOptions{})
			require.ErrorIs(t, err, jail.ErrRunning)

			_, err = j.Stop(ctx, jail.StopOptions{})
			require.NoError(t, err)
			_, err = j.Stop(ctx, jail.StopOptions{})
			require.ErrorIs(t, err, jail.ErrNotRunning)

			_, err = j.Destroy(ctx, jail.DestroyOptions{})
			require.NoError(t, err)
			_, err = jail.Load(ctx, h.Host, "web")
			require.ErrorIs(t, err, jail.ErrNotFound)
		})
	}
}

// drain reads a channel to its end and returns the operation's error.
func drain(ch <-chan events.IocEvent) error { return events.Wait(context.Background(), ch) }
