//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package saferoot

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// A jail that swaps a directory for a link to the outside, as fast as it can,
// never makes a call act outside.
func TestSwappedDirectory(t *testing.T) {
	rounds := 2000
	if testing.Short() {
		rounds = 200 // each round syncs twice
	}
	r, root, outside := jail(t)
	real, link := filepath.Join(root, "swap"), filepath.Join(root, "swap.link")
	spare := filepath.Join(root, "swap.real")
	if err := os.Mkdir(real, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, link); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = os.Rename(real, spare)
			_ = os.Rename(link, real)
			_ = os.Rename(real, link)
			_ = os.Rename(spare, real)
		}
	})
	refused, done := 0, 0
	count := func(err error) {
		switch {
		case err == nil:
			done++
		case errors.Is(err, ErrEscape):
			refused++
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist):
			t.Error(err)
		}
	}
	for range rounds {
		created, err := r.MkdirAll("swap/dir/new", 0o755)
		count(err)
		count(r.WriteFile("swap/secret", []byte("owned"), 0o644))
		count(r.RemoveEmptyDirs(created))
		if data, err := r.ReadFile("swap/secret", 100); err == nil && string(data) == "secret" {
			t.Fatal("read the file outside")
		}
		count(r.Remove("swap/secret"))
	}
	close(stop)
	wg.Wait()
	assertOutside(t, outside)
	t.Logf("%d calls done, %d refused", done, refused)
	if done == 0 {
		t.Error("no call got through, so nothing was tried")
	}
}
