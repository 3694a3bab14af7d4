package simhost_test

import (
	"context"
	"fmt"

	"github.com/libioc/go-libioc/host/simhost"
)

func ExampleNew() {
	h, err := simhost.New("") // with a name, it is found again
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
