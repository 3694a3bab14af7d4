package archive_test

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/libioc/go-libioc/internal/archive"
)

// TestMemory: neither many members nor large ones need more than 64 MB.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	const members = 50_000
	for name, write := range map[string]func(tw *tar.Writer) error{
		"many members": func(tw *tar.Writer) error {
			for i := range members {
				hdr := &tar.Header{Name: fmt.Sprintf("./%s%d/file-with-a-long-name-%07d", strings.Repeat("d", 40), i/1000, i), Typeflag: tar.TypeReg, Mode: 0o644}
				if err := tw.WriteHeader(hdr); err != nil {
					return err
				}
			}
			return nil
		},
		"a large member": func(tw *tar.Writer) error {
			if err := tw.WriteHeader(&tar.Header{Name: "./large", Typeflag: tar.TypeReg, Mode: 0o644, Size: 200 << 20}); err != nil {
				return err
			}
			_, err := io.CopyN(tw, zeros{}, 200<<20)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, w := io.Pipe()
			go func() {
				gz, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
				tw := tar.NewWriter(gz)
				err := write(tw)
				if err == nil {
					err = tw.Close()
				}
				if err == nil {
					err = gz.Close()
				}
				w.CloseWithError(err)
			}()
			var before, now runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			var peak uint64
			calls := 0
			opts := archive.Options{
				Extractor: archive.ExtractBsdtar, BsdtarPath: script(t, "exec cat >/dev/null\n"),
				Progress: func(int64, int64) {
					if calls++; calls%128 == 0 {
						runtime.GC()
						runtime.ReadMemStats(&now)
						peak = max(peak, now.HeapInuse)
					}
				},
			}
			stats, err := archive.Extract(t.Context(), r, t.TempDir(), opts)
			if err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&now)
			grown := int64(max(peak, now.HeapInuse)) - int64(before.HeapInuse)
			t.Logf("%d members, %d bytes, heap grew by %d kB", stats.Members, stats.Bytes, grown>>10)
			if grown > 64<<20 {
				t.Errorf("the heap grew by %d bytes", grown)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
