package jail_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail"
)

const testRelease = jailtest.Release

// newHost is a simulated host with one fetched release.
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
