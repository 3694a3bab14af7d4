package zfsstore_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"testing"

	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/storetest"
)

func TestMemoryConformance(t *testing.T) {
	for _, version := range []string{"2.1.9", "2.4"} {
		t.Run(version, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storetest.Env {
				dir := t.TempDir()
				m, err := zfsstore.NewMemory(zfsstore.MemoryOptions{
					Pools:   []zfsstore.MemoryPool{{Name: "zroot", Altroot: dir}},
					Version: version,
					Jail:    func(jail string) (int, bool) { return 7, jail == "web" },
				})
				if err != nil {
					t.Fatal(err)
				}
				if err := m.Create(t.Context(), "zroot/test", zfsstore.CreateOptions{}); err != nil {
					t.Fatal(err)
				}
				return storetest.Env{Store: m, Root: "zroot/test", Jail: "web"}
			})
		})
	}
}

// TestExecConformance runs the suite against the real ZFS, in a dataset of its
// own in the pool that IOC_TEST_POOL names. IOC_TEST_JAIL may name a running
// jail.
func TestExecConformance(t *testing.T) {
	pool := os.Getenv("IOC_TEST_POOL")
	if pool == "" {
		t.Skip("IOC_TEST_POOL names no pool")
	}
	storetest.Run(t, func(t *testing.T) storetest.Env {
		e := zfsstore.NewExec(zfsstore.ExecOptions{})
		root := fmt.Sprintf("%s/zfsstore-%s", pool, rand.Text()[:8])
		if err := e.Create(t.Context(), root, zfsstore.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { // when the test's own context has ended
			if err := e.Destroy(context.Background(), root, zfsstore.DestroyOptions{Dependents: true, Force: true}); err != nil {
				t.Error(err)
			}
		})
		return storetest.Env{Store: e, Root: root, Jail: os.Getenv("IOC_TEST_JAIL")}
	})
}
