package host_test

import (
	"context"
	"fmt"
	"os"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/kernel/simkernel"
	"github.com/libioc/go-libioc/zfsstore/simzfs"
)

// A host of a program's own making: the mock ZFS, the simulated kernel and one
// source. On FreeBSD, host.Open joins the real ones.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	store, err := simzfs.New(simzfs.Options{
		Pools: []simzfs.Pool{{Name: "tank", Altroot: dir}},
	})
	if err != nil {
		panic(err)
	}
	sim, err := simkernel.New(simkernel.Options{})
	if err != nil {
		panic(err)
	}
	h, err := host.New(store, sim, host.Options{
		Sources: []host.Source{{Name: "ioc", Dataset: "tank/iocage"}},
	})
	if err != nil {
		panic(err)
	}
	source, err := h.Source(context.Background(), "")
	fmt.Println(source.Jails(), err)
	// Output: tank/iocage/jails <nil>
}
