package jail_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/jail"
)

// A basejail without hooks starts and stops without any process, by system
// calls alone; destroying it needs zfs(8) to look for clones and to destroy.
func TestRealForksOfStartAndStop(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	j := realJail(t, h, "forks", true, map[string]string{"exec_start": "none", "exec_stop": "none"})
	made := countForks(t)
	_, err := j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	forks := made()
	t.Logf("measured: start and stop of a basejail: %d forks", forks)
	require.Zero(t, forks, "forks of start and stop")

	made = countForks(t)
	_, err = j.Destroy(ctx, jail.DestroyOptions{})
	require.NoError(t, err)
	forks = made()
	t.Logf("measured: destroy of a basejail: %d forks", forks)
	require.LessOrEqual(t, forks, int64(2), "forks of destroy")
}
