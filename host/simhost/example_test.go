package simhost_test

import (
	"context"
	"fmt"
	"os"

	"github.com/libioc/go-libioc/host/simhost"
)

func ExampleNew() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	h, err := simhost.New(dir)
	if err != nil {
		panic(err)
	}
	defer h.Close()
	f, err := h.Kernel.Features(context.Background())
	if err != nil {
		panic(err)
	}
	fmt.Println(f.OSRelease, "OpenZFS", f.ZFSVersion)
	// Output: 13.2-RELEASE OpenZFS 2.1.9
}
