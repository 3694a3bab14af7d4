package release_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/release/releasetest"
	"github.com/libioc/go-libioc/zfsstore"
)

// programs are n programs of one machine, each with a host of its own: they share
// kernel, pool, locks and journals, and no memory.
func programs(t *testing.T, n int) (*simhost.Host, []*host.Host, []*release.Release) {
	t.Helper()
	dir := t.TempDir()
	h, err := simhost.New(dir)
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	hosts, rels := make([]*host.Host, n), make([]*release.Release, n)
	for i := range rels {
		own, err := host.New(h.Store, h.Kernel, host.Options{
			Sources: []host.Source{{Name: "ioc", Dataset: simhost.Dataset}}, Files: h.Files(),
			RunDir: filepath.Join(dir, "run"), StateDir: filepath.Join(dir, "db"), CacheDir: filepath.Join(dir, "cache"),
			ExtractInProcess: true,
		})
		require.NoError(t, err)
		hosts[i] = own
		rels[i], err = release.New(t.Context(), own, name, "")
		require.NoError(t, err)
	}
	return h, hosts, rels
}

// noJournals checks that no operation is left unfinished.
func noJournals(t *testing.T, rel *release.Release, h *simhost.Host) {
	t.Helper()
	entries, err := os.ReadDir(h.JournalDir(rel.Source().Name, "release"))
	if err != nil {
		require.ErrorIs(t, err, os.ErrNotExist)
	}
	require.Empty(t, entries)
}

// TestProgramsFetchOneRelease: of several programs that fetch a release at once one does,
// the others find it fetched, and it is what one alone makes.
func TestProgramsFetchOneRelease(t *testing.T) {
	mirror := httptest.NewServer(releasetest.Mirror(name))
	defer mirror.Close()
	o := release.FetchOptions{HTTP: plain, Mirror: mirror.URL, Assets: []string{"base.tgz"}, Busy: host.BusyWait}
	h, _, one := programs(t, 1)
	require.NoError(t, wait(one[0], o))
	root, err := h.Mountpoint(t.Context(), one[0].RootDataset())
	require.NoError(t, err)
	want := strip(tree(t, root), root)

	h, _, rels := programs(t, 6)
	errs := make([]error, len(rels))
	var all sync.WaitGroup
	for i, rel := range rels {
		all.Go(func() { errs[i] = wait(rel, o) })
	}
	all.Wait()
	fetched := 0
	for _, err := range errs {
		if err == nil {
			fetched++
			continue
		}
		require.ErrorIs(t, err, release.ErrFetched)
	}
	require.Equal(t, 1, fetched)
	root, err = h.Mountpoint(t.Context(), rels[0].RootDataset())
	require.NoError(t, err)
	require.Equal(t, want, strip(tree(t, root), root))
	levels, err := rels[1].PatchLevels(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int{0}, levels)
	noJournals(t, rels[0], h)
}

// TestProgramsFetchAndClean: programs that fetch and clean one release at once leave it
// whole or gone. What is reported fails for the other's sake only.
func TestProgramsFetchAndClean(t *testing.T) {
	rounds := 15
	if testing.Short() {
		rounds = 4
	}
	path := filepath.Join(t.TempDir(), "base.tgz")
	require.NoError(t, os.WriteFile(path, releasetest.Archive("tgz", name), 0o644))
	h, hosts, rels := programs(t, 4)
	nobody := func(context.Context, *release.Release) ([]string, error) { return nil, nil }
	expected := func(err error) bool {
		return assert.True(t, err == nil || errors.Is(err, release.ErrFetched) || errors.Is(err, release.ErrNotFetched), "%v", err)
	}
	var fetched, cleaned atomic.Int64
	var fetchers, cleaners sync.WaitGroup
	over := make(chan struct{})
	fetch := func(rel *release.Release) {
		for range rounds {
			if err := wait(rel, release.FetchOptions{Archive: path, Busy: host.BusyWait}); expected(err) && err == nil {
				fetched.Add(1)
			}
		}
	}
	clean := func(h *host.Host) {
		for {
			results, err := release.Clean(context.Background(), h, release.CleanOptions{Dependants: nobody, Busy: host.BusyWait})
			expected(err)
			for _, r := range results {
				if r.Err == nil {
					cleaned.Add(1)
				}
			}
			select {
			case <-over:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}
	for i, rel := range rels {
		if i%2 == 0 {
			fetchers.Go(func() { fetch(rel) })
		} else {
			cleaners.Go(func() { clean(hosts[i]) })
		}
	}
	fetchers.Wait()
	close(over)
	cleaners.Wait()
	require.Positive(t, cleaned.Load())
	noJournals(t, rels[0], h)
	whole, err := rels[0].Fetched(t.Context())
	require.NoError(t, err)
	require.Equal(t, fetched.Load()-cleaned.Load() == 1, whole, "%d fetched, %d cleaned", fetched.Load(), cleaned.Load())
	_, err = h.Store.Get(t.Context(), rels[0].Dataset(), zfsstore.GetOptions{})
	if whole {
		require.NoError(t, err)
	} else {
		require.ErrorIs(t, err, zfsstore.ErrNotFound)
	}
}
