package embed

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/kernel/simkernel"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/release/releasetest"
	"github.com/libioc/go-libioc/zfsstore"
)

// simulated is a host with the mock ZFS, the simulated kernel, one program of
// ours to be run in jails and one fetched release.
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

	mirror := httptest.NewServer(releasetest.Mirror("13.2-RELEASE"))
	defer mirror.Close()
	ctx := context.Background()
	rel, err := release.New(ctx, h.Host, "13.2-RELEASE", "")
	require.NoError(t, err)
	require.NoError(t, events.Wait(ctx, rel.Fetch(ctx, release.FetchOptions{Mirror: mirror.URL})))
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

// The mock can be made to fail where the real ZFS might.
func TestEnsureWithoutSpace(t *testing.T) {
	ctx := context.Background()
	h := simulated(t)
	web := &Web{Host: h.Host, Release: "13.2-RELEASE"}

	mend := h.Memory.Fail(zfsstore.Fault{Op: "clone", Err: zfsstore.ErrNoSpace})
	_, err := web.Ensure(ctx, "www")
	require.ErrorIs(t, err, zfsstore.ErrNoSpace)

	mend()
	did, err := web.Ensure(ctx, "www")
	require.NoError(t, err)
	require.Equal(t, []string{"created", "started"}, did, "the failure left nothing behind")
}
