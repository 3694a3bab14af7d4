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
