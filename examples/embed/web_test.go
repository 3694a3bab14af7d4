package embed

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/kernel/simkernel"
	"github.com/libioc/go-libioc/release/releasetest"
	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/simzfs"
)

// simulated returns a simulated machine with one program of ours to be run in
// jails and one release.
func simulated(t *testing.T) *simhost.Host {
	t.Helper()
	healthy := func(_ context.Context, p *simkernel.Process) int {
		if len(p.Argv) > 1 && p.Argv[1] == "fail" {
			return 1
		}
		return 0
	}
	h, err := simhost.Open(simhost.Options{
		Dir:      t.TempDir(),
		Programs: map[string]simkernel.Program{"test": healthy},
	})
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	require.NoError(t, releasetest.Fetch(t.Context(), h.Host, "13.2-RELEASE"))
	return h
}

func TestEnsure(t *testing.T) {
	ctx := context.Background()
	web := &Web{Host: simulated(t).Host, Release: "13.2-RELEASE"}

	did, err := web.Ensure(ctx, "www")
	require.NoError(t, err)
	require.Equal(t, []string{"created", "started"}, did)

	did, err = web.Ensure(ctx, "www")
	require.NoError(t, err)
	require.Empty(t, did, "it was running already")

	require.NoError(t, web.Check(ctx, "www", "/bin/test"))
	require.ErrorContains(t, web.Check(ctx, "www", "/bin/test", "fail"), "exit status 1")
}

// The simulated ZFS can be made to fail where the real one might.
func TestEnsureWithoutSpace(t *testing.T) {
	ctx := context.Background()
	h := simulated(t)
	web := &Web{Host: h.Host, Release: "13.2-RELEASE"}

	remove := h.ZFS.Fail(t, fault.Fault{Op: simzfs.OpClone, Err: zfsstore.ErrNoSpace})
	_, err := web.Ensure(ctx, "www")
	require.ErrorIs(t, err, zfsstore.ErrNoSpace)

	remove()
	did, err := web.Ensure(ctx, "www")
	require.NoError(t, err)
	require.Equal(t, []string{"created", "started"}, did, "the failure left nothing behind")
}
