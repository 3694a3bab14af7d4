package archive_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/libioc/go-libioc/internal/archive"
)

// TestThroughput extracts the archive that IOC_TEST_BASE names with the base
// system's programs after the check, and with "xz -dc | tar -xpf -" alone, in
// turns: the check must not be what limits the speed, and the heap stays below
// 64 MB.
func TestThroughput(t *testing.T) {
	path := os.Getenv("IOC_TEST_BASE")
	if path == "" {
		t.Skip("IOC_TEST_BASE names no archive")
	}
	xz, err := exec.LookPath("xz")
	if err != nil {
		t.Skip("no xz here")
	}
	bsdtar, err := exec.LookPath("bsdtar")
	if err != nil {
		t.Skip("no bsdtar here")
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	runs := 3
	if testing.Short() {
		runs = 1
	}
	best := map[string]time.Duration{}
	measure := func(name string, run func(dir string) error) {
		dir := t.TempDir()
		start := time.Now()
		if err := run(dir); err != nil {
			t.Fatal(name, ": ", err)
		}
		if d := time.Since(start); best[name] == 0 || d < best[name] {
			best[name] = d
		}
		clearTree(t, dir)
	}
	var peak, before uint64
	for range runs {
		measure("pipe", func(dir string) error {
			cmd := exec.Command("/bin/sh", "-c", `exec "$1" -dc "$2" | "$3" -xpf - -C "$4"`, "sh", xz, path, bsdtar, dir)
			cmd.Stderr = os.Stderr
			return cmd.Run()
		})
		measure("checked", func(dir string) error {
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			before = m.HeapInuse
			calls := 0
			stats, err := archive.Extract(t.Context(), f, dir, archive.Options{
				Extractor: archive.ExtractBsdtar, BsdtarPath: bsdtar,
				Decompressor: archive.DecompressXZ, XZPath: xz,
				Progress: func(int64, int64) {
					if calls++; calls%64 == 0 {
						runtime.ReadMemStats(&m)
						peak = max(peak, m.HeapInuse)
					}
				},
			})
			if stats.Received != info.Size() {
				t.Errorf("%d of %d bytes were read", stats.Received, info.Size())
			}
			return err
		})
	}
	rate := func(name string) float64 { return float64(info.Size()) / 1e6 / best[name].Seconds() }
	t.Logf("measured: %.1f MB archive: checked %.1f MB/s (%v), xz | tar %.1f MB/s (%v); heap at most %d kB above %d kB",
		float64(info.Size())/1e6, rate("checked"), best["checked"], rate("pipe"), best["pipe"], (peak-min(peak, before))>>10, before>>10)
	// Both wait for xz(1); what is left is the noise of the machine.
	if best["checked"] > best["pipe"]*11/10 {
		t.Errorf("the check slows extraction down: %v instead of %v", best["checked"], best["pipe"])
	}
	if peak > before+64<<20 {
		t.Errorf("the heap grew by %d bytes", peak-before)
	}
}

// clearTree makes room for the next run; file flags and modes must not keep
// anything from being removed.
func clearTree(t *testing.T, dir string) {
	t.Helper()
	if runtime.GOOS == "freebsd" {
		_ = exec.Command("/bin/chflags", "-R", "0", dir).Run()
	} else {
		_ = exec.Command("chattr", "-R", "-i", dir).Run()
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkExtract extracts the archive that IOC_TEST_BASE names, in this
// process alone and with the base system's programs.
func BenchmarkExtract(b *testing.B) {
	path := os.Getenv("IOC_TEST_BASE")
	if path == "" {
		b.Skip("IOC_TEST_BASE names no archive")
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	xz, _ := exec.LookPath("xz")
	bsdtar, _ := exec.LookPath("bsdtar")
	for name, opts := range map[string]archive.Options{
		"go":    {Extractor: archive.ExtractGo, Decompressor: archive.DecompressGo},
		"tools": {Extractor: archive.ExtractBsdtar, BsdtarPath: bsdtar, Decompressor: archive.DecompressXZ, XZPath: xz},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(info.Size())
			for range b.N {
				f, err := os.Open(path)
				if err != nil {
					b.Fatal(err)
				}
				_, err = archive.Extract(b.Context(), f, b.TempDir(), opts)
				f.Close()
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
