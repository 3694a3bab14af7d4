package fleet_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/jail/fleet"
	"github.com/stretchr/testify/require"
)

// TestReadyWaits: a dependant begins when the probe succeeds, not before; a jail
// that ends while it is waited for is told at once.
func TestReadyWaits(t *testing.T) {
	h := jailtest.OpenHost(t, simhost.Options{})
	ctx := context.Background()
	jailtest.PutPlain(t, h, "db", map[string]string{"user.ready": "file=/up interval=10ms"})
	jailtest.PutPlain(t, h, "web", map[string]string{"depends": "db"})
	require.NoError(t, afterwards(t, func() {
		require.Equal(t, []string{"db"}, jailtest.Running(t, h))
		jailtest.WriteRoot(t, h, "db", "up")
	}))
	results, err := fleet.StartAll(ctx, h.Host, jailtest.Load(t, h, "web"), fleet.StartAllOptions{})
	require.NoError(t, err)
	require.NoError(t, results.Err())
	require.Equal(t, []string{"db", "web"}, jailtest.Running(t, h))

	stopped, err := fleet.StopAll(ctx, h.Host, jailtest.Load(t, h, "db", "web"), fleet.StopAllOptions{})
	require.NoError(t, err)
	require.NoError(t, stopped.Err())
	require.NoError(t, os.Remove(filepath.Join(jailtest.Mountpoint(t, h, simhost.Dataset+"/jails/db/root"), "up")))
	require.NoError(t, afterwards(t, func() {
		id, err := jailtest.Load(t, h, "db")[0].Identity(ctx)
		require.NoError(t, err)
		require.NoError(t, h.Sim.JailRemove(ctx, id))
	}))
	began := time.Now()
	results, err = fleet.StartAll(ctx, h.Host, jailtest.Load(t, h, "web"), fleet.StartAllOptions{})
	require.NoError(t, err)
	require.Less(t, time.Since(began), 30*time.Second, "it did not wait for the probe's timeout")
	require.ErrorIs(t, results.Err(), jail.ErrNotRunning)
	require.Empty(t, jailtest.Running(t, h))
}

// TestBadProbe: an invalid probe is reported before anything happens.
func TestBadProbe(t *testing.T) {
	h := jailtest.OpenHost(t, simhost.Options{})
	jailtest.PutPlain(t, h, "web", map[string]string{"user.ready": "tcp=http"})
	results, err := fleet.StartAll(context.Background(), h.Host, jailtest.Load(t, h, "web"), fleet.StartAllOptions{})
	require.NoError(t, err)
	require.ErrorIs(t, results.Err(), jail.ErrConfig)
	require.ErrorIs(t, results.Err(), config.ErrInvalidValue)
	require.Empty(t, jailtest.Running(t, h))
}
