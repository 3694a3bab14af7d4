package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// TestRestartConfirms: a restart took whatever ran once it had the jail's lock. Confirm
// sees the run and the properties as they are then, and what it refuses is left alone.
func TestRestartConfirms(t *testing.T) {
	ctx := t.Context()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	start(t, j)
	id, err := j.Identity(ctx)
	require.NoError(t, err)
	old := loadFrom(t, h.Host, "web")
	_, err = j.Set(ctx, map[string]string{"user.tier": "db"}, jail.SetOptions{})
	require.NoError(t, err)
	before := world(t, h)
	for _, shutdown := range []bool{false, true} {
		calls := 0
		_, err = old.Restart(ctx, jail.RestartOptions{Shutdown: shutdown, Force: true, Confirm: func(_ context.Context, now *jail.Jail, runs kernel.Identity) error {
			calls++
			assert.Equal(t, id, runs)
			tier, _ := now.Field("user.tier")
			assert.Equal(t, []string{"db"}, tier)
			return errInjected
		}})
		require.ErrorIs(t, err, errInjected)
		require.Equal(t, 1, calls)
		requireSame(t, before, world(t, h))
	}
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	_, err = j.Restart(ctx, jail.RestartOptions{Shutdown: true, Force: true, Confirm: func(_ context.Context, _ *jail.Jail, runs kernel.Identity) error {
		assert.True(t, runs.IsZero())
		return nil
	}})
	require.NoError(t, err)
	running, err := j.Running(ctx)
	require.NoError(t, err)
	require.True(t, running)
}

// TestRestartOfAnEndedJailStopsItFirst: the restart of a jail that had ended without Stop
// did not run its poststop hook, as Stop with Force does.
func TestRestartOfAnEndedJailStopsItFirst(t *testing.T) {
	ctx := t.Context()
	h := hookHost(t)
	log := filepath.Join(t.TempDir(), "log")
	j := newJail(t, h, "web", false, map[string]string{"exec_poststop": "note " + log + " MINE"})
	restart := func() {
		_, err := j.Restart(ctx, jail.RestartOptions{Shutdown: true, Force: true, Env: map[string]string{"MINE": "restart"}})
		require.NoError(t, err)
	}
	start(t, j)
	id, err := j.Identity(ctx)
	require.NoError(t, err)
	require.NoError(t, h.Kernel.JailRemove(ctx, id))
	restart()
	said, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Equal(t, "restart\n", string(said))

	// One that was stopped is not stopped again.
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	require.NoError(t, os.Remove(log))
	restart()
	require.NoFileExists(t, log)
}
