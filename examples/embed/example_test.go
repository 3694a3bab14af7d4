package embed_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/examples/embed"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/release/releasetest"
)

// On FreeBSD the host comes from host.Open; here it is simulated in a directory.
func ExampleWeb() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	check(err)
	defer os.RemoveAll(dir)
	h, err := simhost.New(dir)
	check(err)
	defer h.Close()
	mirror := httptest.NewServer(releasetest.Mirror("13.2-RELEASE"))
	defer mirror.Close()
	rel, err := release.New(ctx, h.Host, "13.2-RELEASE", "")
	check(err)
	check(events.Wait(ctx, rel.Fetch(ctx, release.FetchOptions{Mirror: mirror.URL})))

	web := &embed.Web{Host: h.Host, Release: "13.2-RELEASE"}
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
