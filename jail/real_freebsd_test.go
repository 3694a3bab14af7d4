package jail_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/zfsstore"
)

// real is the machine these tests run on, with a source of its own in the test
// pool. It is made by the first test that asks for it and goes with the
// process, because importing a release takes minutes on a slow machine.
var real struct {
	once     sync.Once
	host     *host.Host
	dir      string
	release  *release.Release
	rulesets []uint16 // in the kernel before
	err      error
}

func TestMain(m *testing.M) {
	jail.Main()
	code := m.Run()
	if err := closeReal(context.Background()); err != nil {
		fmt.Println("put the machine back:", err)
		code = 1
	}
	os.Exit(code)
}

// realHost is the machine this runs on: real ZFS, the real kernel, and the
// release IOC_TEST_RELEASE imported from the archive IOC_TEST_BASE into
// IOC_TEST_POOL. Tests share it; what each makes it destroys.
func realHost(t testing.TB) *host.Host {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	pool, archive, name := os.Getenv("IOC_TEST_POOL"), os.Getenv("IOC_TEST_BASE"), realRelease()
	if pool == "" {
		t.Skip("IOC_TEST_POOL names no ZFS pool")
	}
	if archive == "" {
		t.Skip("IOC_TEST_BASE names no base.txz")
	}
	real.once.Do(func() { real.err = openReal(context.Background(), pool, archive, name) })
	require.NoError(t, real.err)
	return real.host
}

func realRelease() string {
	if name := os.Getenv("IOC_TEST_RELEASE"); name != "" {
		return name
	}
	return testRelease
}

func openReal(ctx context.Context, pool, archive, name string) error {
	var err error
	if real.dir, err = os.MkdirTemp("", "jail-test-"); err != nil {
		return err
	}
	root := pool + "/ioc-jail-test"
	h, err := host.Open(ctx, host.Options{
		Sources:  []host.Source{{Name: "jailtest", Dataset: root}},
		RunDir:   real.dir + "/run",
		StateDir: real.dir + "/db",
		CacheDir: real.dir + "/cache",
		Files:    host.Files{DevfsRules: real.dir + "/devfs.rules"},
	})
	if err != nil {
		return err
	}
	if err := h.Store.Create(ctx, root, zfsstore.CreateOptions{}); err != nil {
		return err
	}
	real.host = h
	if real.rulesets, err = h.Kernel.DevfsRulesets(ctx); err != nil {
		return err
	}
	if real.release, err = release.New(ctx, h, name, ""); err != nil {
		return err
	}
	return events.Wait(ctx, real.release.Fetch(ctx, release.FetchOptions{Archive: archive}))
}

// closeReal takes everything away again, also what failed tests have left.
func closeReal(ctx context.Context) error {
	var all error
	if h := real.host; h != nil {
		_, err := jail.Recover(ctx, h)
		all = errors.Join(all, err)
		for j, err := range jail.List(ctx, h) {
			all = errors.Join(all, err)
			if err == nil && j.Source().Name == "jailtest" {
				_, err := j.Destroy(ctx, jail.DestroyOptions{Force: true})
				all = errors.Join(all, err)
			}
		}
		sources, err := h.Sources(ctx)
		all = errors.Join(all, err, h.Store.Destroy(ctx, sources[0].Dataset, zfsstore.DestroyOptions{Recursive: true}))
		sets, err := h.Kernel.DevfsRulesets(ctx)
		all = errors.Join(all, err)
		for _, n := range sets {
			if !slices.Contains(real.rulesets, n) {
				all = errors.Join(all, h.Kernel.DevfsDeleteRules(ctx, n))
			}
		}
	}
	if real.dir != "" {
		all = errors.Join(all, os.RemoveAll(real.dir))
	}
	return all
}

// realJail makes a jail of the imported release, destroyed with the test.
func realJail(t testing.TB, h *host.Host, name string, basejail bool, properties map[string]string) *jail.Jail {
	t.Helper()
	ctx := context.Background()
	j, err := jail.New(ctx, h, jail.Spec{Name: name, Properties: properties})
	require.NoError(t, err)
	_, err = j.Create(ctx, jail.CreateOptions{Release: realRelease(), Basejail: basejail})
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := j.Destroy(ctx, jail.DestroyOptions{Force: true})
		if !errors.Is(err, jail.ErrNotFound) {
			require.NoError(t, err)
		}
	})
	return j
}
