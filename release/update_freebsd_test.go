package release_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/zfsstore"
)

// state is what an update must not change when it fails.
func state(t *testing.T, h *host.Host, dataset string) (datasets []string, files map[string]entry) {
	t.Helper()
	ctx := context.Background()
	sets, err := h.Store.List(ctx, dataset, zfsstore.ListOptions{Types: []zfsstore.Type{zfsstore.Filesystem, zfsstore.Snapshot}})
	require.NoError(t, err)
	for _, d := range sets {
		datasets = append(datasets, d.Name)
	}
	root, err := h.Mountpoint(ctx, dataset+"/root")
	require.NoError(t, err)
	return datasets, entries(t, root, true)
}

// TestUpdateOnFreeBSD runs the real freebsd-update(8) in a temporary jail
// against a server that refuses: the error has what it said, and the release,
// the jails and the mounts are as they were.
func TestUpdateOnFreeBSD(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	version := realVersion()
	rel, err := release.New(ctx, h, version, "")
	require.NoError(t, err)
	require.NoError(t, wait(rel, release.FetchOptions{Archive: os.Getenv("IOC_TEST_BASE")}))
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		// The updater closes first: tcp(4) keeps its connection for a minute, so
		// that its jail is dying for as long.
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n")
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		io.Copy(io.Discard, conn)
	}))
	defer server.Close()
	openLoopback(t, server.Listener.Addr().String())

	datasets, files := state(t, h, rel.Dataset())
	mounts, err := h.Mounts(ctx)
	require.NoError(t, err)
	_, err = events.Collect(ctx, rel.Update(ctx, release.UpdateOptions{
		Runner: jail.NewRunner(h), Server: strings.TrimPrefix(server.URL, "http://"),
	}))
	var failed *release.UpdateError
	require.ErrorAs(t, err, &failed)
	require.NotErrorIs(t, err, zfsstore.ErrBusy)
	t.Logf("%v: exit status %d after %d requests:\n%s", failed.Argv, failed.ExitCode, asked.Load(), failed.Output)
	require.Equal(t, "fetch", failed.Argv[len(failed.Argv)-1])
	require.Contains(t, failed.Output, "No mirrors remaining, giving up.")
	require.Positive(t, asked.Load())

	after, changed := state(t, h, rel.Dataset())
	require.Equal(t, datasets, after)
	require.Equal(t, files, changed)
	now, err := h.Mounts(ctx)
	require.NoError(t, err)
	require.Len(t, now, len(mounts))
	for p, err := range h.Kernel.JailList(ctx, kernel.JailDying, "dying") {
		require.NoError(t, err)
		if strings.Contains(p.String("name"), "_update") {
			require.True(t, p.Bool("dying"), p.String("name"))
			t.Logf("jail %s is dying", p.String("name"))
		}
	}
	levels, err := rel.PatchLevels(ctx)
	require.NoError(t, err)
	require.Equal(t, []int{0}, levels)
}
