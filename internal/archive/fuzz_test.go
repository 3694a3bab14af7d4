package archive_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libioc/go-libioc/internal/archive"
	"github.com/libioc/go-libioc/release/releasetest"
)

// FuzzExtract: whatever the bytes, nothing beside the root changes, and what is
// below it stays within the limits.
func FuzzExtract(f *testing.F) {
	f.Add(releasetest.Pack("tar", releasetest.Members("13.2-RELEASE")[:2]))
	f.Add(releasetest.Pack("txz", releasetest.Members("13.2-RELEASE")[:2]))
	f.Add(tarOf(f, symlink("out", "../canary"), file("out/file", "x")))
	f.Add(tarOf(f, dir("a"), symlink("a/b", "../../canary"), hard("c", "a/b"), file("c", "x"), dir("c/d")))
	f.Add(tarOf(f, file("../canary/file", "x")))
	f.Add(tarOf(f, hard("x", "../canary/file")))
	f.Add(sparse(f, 4096))
	f.Add(twoPAX(f))
	f.Add(paxAndGNU(f))
	top := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		// Checksums are corrected, or hardly any input would get past them.
		for i := 0; i+512 <= len(data) && len(data)%512 == 0; i += 512 {
			if strings.HasPrefix(string(data[i+257:i+512]), "ustar") {
				checksum(data[i : i+512])
			}
		}
		box, err := os.MkdirTemp(top, "")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(box)
		root, canary := filepath.Join(box, "root"), filepath.Join(box, "canary")
		for _, d := range []string{root, canary} {
			if err := os.Mkdir(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(canary, "file"), []byte("untouched"), 0o644); err != nil {
			t.Fatal(err)
		}
		s := sandbox{root: root, canary: canary, before: snapshot(t, canary)}
		stats, err := extract(data, root, archive.Options{
			Extractor: archive.ExtractGo, Decompressor: archive.DecompressGo,
			MaxMember: 1 << 16, MaxTotal: 1 << 18, MaxMembers: 200,
		})
		if err == nil && (stats.Bytes > 1<<18 || stats.Members > 200) {
			t.Errorf("limits exceeded: %+v", stats)
		}
		s.check(t)
	})
}
