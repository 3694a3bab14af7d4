package jail_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

// TestNamesAreRefusedWhenPlanned: a name that ZFS cannot have leaves no journal:
// it would refuse every other operation on the jail.
func TestNamesAreRefusedWhenPlanned(t *testing.T) {
	ctx := t.Context()
	h := newHost(t)
	web := newJail(t, h, "web", false, nil)
	long := strings.Repeat("x", 300)
	type run = func(name string) *jail.Operation
	snapshot := func(name string) *jail.Operation {
		return web.Generator().CreateSnapshot(jail.SnapshotOptions{Name: name})
	}
	dataset := func(name string) *jail.Operation {
		return web.Generator().CloneToDataset(jail.CloneToDatasetOptions{Dataset: name})
	}
	rename := func(name string) *jail.Operation { return web.Generator().Rename(jail.RenameOptions{Name: name}) }
	for _, tc := range []struct {
		what string
		run  run
		name string
	}{
		{"snapshot", snapshot, "s@now"}, {"snapshot", snapshot, "before/upgrade"}, {"snapshot", snapshot, "x%y"},
		{"snapshot", snapshot, long}, {"snapshot", snapshot, "a\nb"}, {"snapshot", snapshot, "a#b"}, {"snapshot", snapshot, "a,b"},
		{"snapshot", snapshot, "ä"},
		{"dataset", dataset, "zroot/a@b"}, {"dataset", dataset, "zroot//a"}, {"dataset", dataset, "zroot/a%b"},
		{"dataset", dataset, "zroot/" + long}, {"dataset", dataset, "zroot/a/"}, {"dataset", dataset, "zroot/.."},
		{"rename", rename, long}, {"rename", rename, "a/b"}, {"rename", rename, "a@b"},
	} {
		t.Run(tc.what+" "+tc.name[:min(len(tc.name), 20)], func(t *testing.T) {
			_, err := tc.run(tc.name).Plan(ctx)
			require.Error(t, err)
			_, err = tc.run(tc.name).Run(ctx)
			require.Error(t, err)
			if tc.what != "rename" {
				require.ErrorIs(t, err, zfsstore.ErrInvalidName)
			} else if tc.name != long {
				require.ErrorIs(t, err, jail.ErrInvalidName)
			}
			require.NoFileExists(t, h.JournalPath("ioc", "jail", "web"))
			_, err = web.Start(context.Background(), jail.StartOptions{})
			require.NoError(t, err, "the jail is not locked")
			_, err = web.Stop(ctx, jail.StopOptions{})
			require.NoError(t, err)
		})
	}
	_, err := jail.New(ctx, h.Host, jail.Spec{Name: long})
	if err == nil {
		var j *jail.Jail
		j, err = jail.New(ctx, h.Host, jail.Spec{Name: long})
		require.NoError(t, err)
		var all []events.IocEvent
		all, err = j.Create(ctx, jail.CreateOptions{Release: testRelease})
		require.Error(t, err, "%v", all)
	}
	require.NoFileExists(t, h.JournalPath("ioc", "jail", long[:200]))
}
