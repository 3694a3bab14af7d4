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
	// Other processes of the machine fork too, so the fewest of a few tries
	// count.
	fewest := int64(1 << 40)
	for range 5 {
		before := forkCount(t, h)
		_, err := j.Start(ctx, jail.StartOptions{})
		require.NoError(t, err)
		_, err = j.Stop(ctx, jail.StopOptions{})
		require.NoError(t, err)
		fewest = min(fewest, forkCount(t, h)-before)
	}
	t.Logf("measured: start and stop of a basejail: %d forks", fewest)
	require.Zero(t, fewest, "forks of start and stop")

	fewest = 1 << 40
	for i := range 3 {
		if i > 0 {
			j = realJail(t, h, "forks", true, nil)
		}
		before := forkCount(t, h)
		_, err := j.Destroy(ctx, jail.DestroyOptions{})
		require.NoError(t, err)
		fewest = min(fewest, forkCount(t, h)-before)
	}
	t.Logf("measured: destroy of a basejail: %d forks", fewest)
	require.LessOrEqual(t, fewest, int64(2), "forks of destroy")
}
