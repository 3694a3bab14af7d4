package release_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel/simkernel"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/release/releasetest"
)

func ExampleRelease_Fetch() {
	h, err := simhost.New("")
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
	for e := range rel.Fetch(ctx, release.FetchOptions{HTTP: release.HTTPOptions{AllowHTTP: true}, Mirror: mirror.URL}) {
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

// A release is updated in a temporary jail, which package jail supplies. The
// release of this example has an updater that never finds anything.
func ExampleRelease_Update() {
	updater := func(_ context.Context, p *simkernel.Process) int {
		if p.Argv[len(p.Argv)-1] == "install" {
			fmt.Fprintln(p.Stdout, "No updates are available to install.")
			return 2
		}
		return 0
	}
	h, err := simhost.Open(simhost.Options{Programs: map[string]simkernel.Program{"freebsd-update": updater}})
	if err != nil {
		panic(err)
	}
	defer h.Close()
	ctx := context.Background()
	if err := releasetest.Fetch(ctx, h.Host, "13.2-RELEASE"); err != nil {
		panic(err)
	}
	rel, err := release.New(ctx, h.Host, "13.2-RELEASE", "")
	if err != nil {
		panic(err)
	}
	for e := range rel.Update(ctx, release.UpdateOptions{Runner: jail.NewRunner(h.Host)}) {
		if _, ok := e.(events.ExecuteResourceUpdate); ok && e.Head().State != events.Pending {
			fmt.Println(e.Head().State, e.Head().Message)
		}
	}
	// Output: skipped no updates for 13.2-RELEASE
}
