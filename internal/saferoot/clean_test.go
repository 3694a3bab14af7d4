package saferoot

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestCleanRemovesWhatKilledWritersLeft(t *testing.T) {
	root := t.TempDir()
	etc := filepath.Join(root, "etc")
	if err := os.Mkdir(etc, 0o755); err != nil {
		t.Fatal(err)
	}
	keep := []string{"rc.conf", ".saferoot-", ".saferoot-short", "x" + tempName()}
	for _, name := range append([]string{tempName(), tempName()}, keep...) {
		if err := os.WriteFile(filepath.Join(etc, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(etc, tempName()), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(etc, filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	r, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Clean("link"); !errors.Is(err, ErrEscape) {
		t.Errorf("through a link: %v", err)
	}
	for _, want := range []int{2, 0} {
		if n, err := r.Clean("etc"); n != want || err != nil {
			t.Errorf("removed %d, %v; want %d", n, err, want)
		}
	}
	if n, err := r.Clean("none"); n != 0 || err != nil {
		t.Errorf("no directory: %d, %v", n, err)
	}
	left, err := os.ReadDir(etc)
	if err != nil || len(left) != len(keep)+1 {
		t.Errorf("left: %v, %v", left, err)
	}
}
