package jail_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/freebsd"
	"github.com/libioc/go-libioc/zfsstore"
)

// TestListBesideTools lists 10, 100 and 300 jails of two datasets each, half of
// them running, and beside it, in turns, runs zfs-list(8) -r and jls(8), which
// together say no more: the complete list takes at most 1.3 times their time,
// that of mounted jails at most half of it. The number of processes is the same
// for all three sizes, and none for mounted jails.
func TestListBesideTools(t *testing.T) {
	pool := os.Getenv("IOC_TEST_POOL")
	if pool == "" || os.Geteuid() != 0 {
		t.Skip("needs root and IOC_TEST_POOL, the name of a pool that may be written to")
	}
	ctx := context.Background()
	k, err := freebsd.New()
	require.NoError(t, err)
	store := zfsstore.NewExec(zfsstore.ExecOptions{})
	base := fmt.Sprintf("%s/list-%d", pool, os.Getpid())
	h, err := host.New(store, k, host.Options{Sources: []host.Source{{Name: "list", Dataset: base}}})
	require.NoError(t, err)
	require.NoError(t, store.Create(ctx, base+"/jails", zfsstore.CreateOptions{Parents: true}))
	jails, err := h.Mountpoint(ctx, base+"/jails")
	require.NoError(t, err)
	t.Cleanup(func() {
		for p, err := range k.JailList(ctx, 0) {
			if err == nil && len(p.String("name")) > 5 && p.String("name")[:5] == "list-" {
				if id, err := k.JailIdentify(ctx, 0, kernel.ByJID(p.Int("jid"))); err == nil {
					k.JailRemove(ctx, id)
				}
			}
		}
		require.NoError(t, store.Destroy(ctx, base, zfsstore.DestroyOptions{Recursive: true}))
	})
	list := func(want int, o jail.ListOptions) {
		n, running := 0, 0
		for j, err := range o.List(ctx, h) {
			require.NoError(t, err)
			if j.Foreign() {
				continue
			}
			n++
			if j.Status().Running {
				running++
			}
		}
		require.Equal(t, want, n)
		require.Equal(t, want/2, running)
	}
	tool := func(name string, args ...string) {
		out, err := exec.Command(name, args...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	forks := func(f func()) int64 {
		started := countForks(t)
		f()
		return started()
	}

	made := 0
	processes := map[int64][]int{}
	for _, size := range []int{10, 100, 300} {
		for ; made < size; made++ {
			name := fmt.Sprintf("jail%05d", made)
			// One process for both datasets: making 600 is what this test waits for.
			require.NoError(t, store.Create(ctx, base+"/jails/"+name+"/root", zfsstore.CreateOptions{Parents: true}))
			path := filepath.Join(jails, name)
			require.NoError(t, os.WriteFile(filepath.Join(path, "config.json"), []byte(conf(made)), 0o644))
			if made%2 == 0 {
				_, err := k.JailSet(ctx, kernel.JailCreate, kernel.String("name", "list-"+name),
					kernel.String("path", "/"), kernel.Bool("persist", true))
				require.NoError(t, err)
			}
		}
		best := map[string]time.Duration{}
		measure := func(what string, f func()) {
			start := time.Now()
			f()
			if took := time.Since(start); best[what] == 0 || took < best[what] {
				best[what] = took
			}
		}
		for range 5 {
			measure("zfs", func() { tool("zfs", "list", "-r", base) })
			measure("complete", func() { list(size, jail.ListOptions{}) })
			measure("jls", func() { tool("jls") })
			measure("mounted", func() { list(size, jail.ListOptions{MountedOnly: true}) })
		}
		sum := best["zfs"] + best["jls"]
		complete, mounted := float64(best["complete"])/float64(sum), float64(best["mounted"])/float64(sum)
		n := forks(func() { list(size, jail.ListOptions{}) })
		none := forks(func() { list(size, jail.ListOptions{MountedOnly: true}) })
		t.Logf("measured: list of %3d jails: zfs list -r %v, jls %v; complete %v (%.2f of their sum), %d processes; mounted %v (%.2f), %d processes",
			size, best["zfs"], best["jls"], best["complete"], complete, n, best["mounted"], mounted, none)
		require.LessOrEqual(t, complete, 1.3)
		require.LessOrEqual(t, mounted, 0.5)
		require.Zero(t, none)
		processes[n] = append(processes[n], size)
	}
	require.Len(t, processes, 1, "processes and the sizes that took them")
}
