package storetest_test

import (
	"testing"

	"github.com/libioc/go-libioc/zfsstore/simzfs"
	"github.com/libioc/go-libioc/zfsstore/storetest"
)

// A test of another Store runs the suite.
func ExampleRun() {
	_ = func(t *testing.T) { // func TestConformance(t *testing.T)
		storetest.Run(t, func(t *testing.T) storetest.Env {
			store, err := simzfs.New(simzfs.Options{
				Pools: []simzfs.Pool{{Name: "tank", Altroot: t.TempDir()}},
			})
			if err != nil {
				t.Fatal(err)
			}
			return storetest.Env{Store: store, Root: "tank"}
		})
	}
}
