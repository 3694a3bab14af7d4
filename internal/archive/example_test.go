package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/libioc/go-libioc/internal/archive"
	"github.com/libioc/go-libioc/release/releasetest"
)

func ExampleExtract() {
	root, err := os.MkdirTemp("", "root")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(root)

	txz := releasetest.Archive("txz", "13.2-RELEASE")
	stats, err := archive.Extract(context.Background(), bytes.NewReader(txz), root, archive.Options{
		Extractor: archive.ExtractGo,
		SHA256:    sum(txz),
	})
	fmt.Println(stats.Format, stats.Members, err)

	// Into a directory of its own again: an extraction that failed is thrown away.
	again, err := os.MkdirTemp("", "root")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(again)
	_, err = archive.Extract(context.Background(), bytes.NewReader(txz[:1000]), again, archive.Options{Extractor: archive.ExtractGo})
	fmt.Println(errors.Is(err, archive.ErrTruncated))
	// Output:
	// xz 59 <nil>
	// true
}
