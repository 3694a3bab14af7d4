package release_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/release/releasetest"
)

func ExampleRelease_Fetch() {
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
	mirror := httptest.NewServer(releasetest.Mirror("13.2-RELEASE"))
	defer mirror.Close()

	ctx := context.Background()
	rel, err := release.New(ctx, h.Host, "13.2-RELEASE", "")
	if err != nil {
		panic(err)
	}
	for e := range rel.Fetch(ctx, release.FetchOptions{Mirror: mirror.URL}) {
		if e, ok := e.(events.ReleaseAssetDownload); ok && e.State == events.Done {
			fmt.Println("downloaded", e.Asset)
		}
	}
	levels, err := rel.PatchLevels(ctx)
	fmt.Println(levels, err)
	// Output:
	// downloaded base.txz
	// [0] <nil>
}
