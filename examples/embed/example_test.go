package embed_test

import (
	"context"
	"fmt"

	"github.com/libioc/go-libioc/examples/embed"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/release/releasetest"
)

// On FreeBSD the host comes from host.Open; here it is simulated.
func ExampleWeb() {
	ctx := context.Background()
	h, err := simhost.New("")
	check(err)
	defer h.Close()
	check(releasetest.Fetch(ctx, h.Host, "14.3-RELEASE"))

	web := &embed.Web{Host: h.Host, Release: "14.3-RELEASE"}
	for range 2 {
		did, err := web.Ensure(ctx, "www")
		fmt.Println(did, err)
	}
	// Output:
	// [created started] <nil>
	// [] <nil>
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
