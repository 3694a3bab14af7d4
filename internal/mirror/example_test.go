package mirror_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/libioc/go-libioc/internal/mirror"
	"github.com/libioc/go-libioc/release/releasetest"
)

func Example() {
	server := httptest.NewServer(releasetest.Mirror("13.2-RELEASE"))
	defer server.Close()
	dir, err := os.MkdirTemp("", "mirror")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	m, err := mirror.Open(server.URL+"/releases/amd64/amd64/13.2-RELEASE", mirror.Options{AllowHTTP: true})
	if err != nil {
		panic(err)
	}
	manifest, err := m.Manifest(ctx)
	if err != nil {
		panic(err)
	}
	base, err := manifest.Asset("base.txz")
	if err != nil {
		panic(err)
	}
	res, err := m.Fetch(ctx, base.Asset, filepath.Join(dir, base.Asset), mirror.FetchOptions{SHA256: base.SHA256})
	fmt.Println(filepath.Base(res.Path), res.SHA256 == base.SHA256, err)
	// Output: base.txz true <nil>
}
