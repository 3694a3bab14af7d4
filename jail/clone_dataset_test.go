package jail_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/jail"
)

// Only jails and releases were known as a source's own: the base datasets of a
// release, which all its ZFS basejails start from, were replaced when asked for.
func TestCloneToDatasetTookTheBaseOfAReleaseAway(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	copyBase(t, h)
	j := newJail(t, h, "web", false, nil)
	before := world(t, h)
	for _, name := range []string{
		"base/" + testRelease, "base/" + testRelease + "/root/usr", "base", "base/x", "templates/x", "log",
		"images", "download/x", "pkg", ".defaults", "jails/other", "releases/x",
	} {
		_, err := j.CloneToDataset(ctx, jail.CloneToDatasetOptions{Dataset: "zroot/iocage/" + name, DeleteExisting: true})
		require.ErrorIs(t, err, jail.ErrReserved, name)
	}
	requireSame(t, before, world(t, h))
	for _, name := range []string{"zroot/iocage/backup", "zroot/iocage/basement", "zroot/iocagejails"} {
		_, err := j.CloneToDataset(ctx, jail.CloneToDatasetOptions{Dataset: name})
		require.NoError(t, err, name)
	}
}
