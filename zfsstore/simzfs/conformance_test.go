package simzfs_test

import (
	"testing"

	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/simzfs"
	"github.com/libioc/go-libioc/zfsstore/storetest"
)

func TestConformance(t *testing.T) {
	for _, version := range []string{"2.1.9", "2.4"} {
		t.Run(version, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storetest.Env {
				dir := t.TempDir()
				store, err := simzfs.New(simzfs.Options{
					Pools:   []simzfs.Pool{{Name: "zroot", Altroot: dir}},
					Version: version,
					Jail:    func(jail string) (int, bool) { return 7, jail == "web" },
				})
				if err != nil {
					t.Fatal(err)
				}
				if err := store.Create(t.Context(), "zroot/test", zfsstore.CreateOptions{}); err != nil {
					t.Fatal(err)
				}
				return storetest.Env{Store: store, Root: "zroot/test", Jail: "web"}
			})
		})
	}
}
