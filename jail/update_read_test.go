package jail_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/release"
)

// TestTreeIsReadAfterTheUpdater: an update or upgrade fails, and is rolled back, if the
// tree is not what was asked for. Before, what the updater said was believed: an upgrade
// without updates succeeded with release=14.3-RELEASE and a tree of 13.2-RELEASE.
func TestTreeIsReadAfterTheUpdater(t *testing.T) {
	for _, c := range []struct {
		name    string
		instead string // what the updater brings
		to      string // upgrade to; empty: update
		want    string // of the error; empty: none
	}{
		{"upgrade, no updates", "none", "14.3-RELEASE", "is 13.2-RELEASE, not 14.3-RELEASE"},
		{"upgrade, another release", "14.2-RELEASE-p1", "14.3-RELEASE", "is 14.2-RELEASE-p1, not 14.3-RELEASE"},
		{"upgrade, newest patch level", "14.3-RELEASE-p7", "14.3-RELEASE", ""},
		{"upgrade, another patch level than the pinned", "14.3-RELEASE-p7", "14.3-RELEASE-p2", "is 14.3-RELEASE-p7, not 14.3-RELEASE-p2"},
		{"upgrade, the pinned patch level", "14.3-RELEASE-p2", "14.3-RELEASE-p2", ""},
		{"upgrade, pinned to the first patch level", "14.3-RELEASE", "14.3-RELEASE-p0", ""},
		{"update, another release", "13.3-RELEASE", "", "is 13.3-RELEASE, not 13.2-RELEASE"},
		{"update, no updates", "none", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := &updater{Newest: "13.2-RELEASE-p4", Instead: c.instead}
			h := updateHost(t, u)
			ctx := context.Background()
			j := newJail(t, h, "web", false, nil)
			before := world(t, h)
			var err error
			if c.to == "" {
				_, err = j.Update(ctx, jail.UpdateOptions{})
			} else {
				_, err = j.Upgrade(ctx, jail.UpgradeOptions{Release: c.to})
			}
			require.NotEmpty(t, u.Argv, "the updater did not run")
			updaterGone(t, h)
			if c.want == "" {
				require.NoError(t, err)
				if c.to != "" {
					require.Equal(t, c.to, property(t, h, "web", "release"))
					require.Equal(t, c.instead, treeVersion(t, h, j.RootDataset()))
				}
				return
			}
			require.ErrorIs(t, err, release.ErrUpdate)
			var other *release.VersionError
			require.ErrorAs(t, err, &other)
			require.ErrorContains(t, other, c.want)
			requireSame(t, before, world(t, h))
			require.Equal(t, testRelease, property(t, h, "web", "release"))
			require.Equal(t, testRelease, treeVersion(t, h, j.RootDataset()))
		})
	}
}
