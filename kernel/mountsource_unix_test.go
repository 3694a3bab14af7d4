//go:build freebsd || linux || darwin

package kernel

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestWalkSource(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"jail/data/deep", "outside/deep"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"jail/link": dir + "/outside", "jail/inner": "data", "way": dir + "/jail", "host": "outside", "loop": "loop",
	} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "jail/data/file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		from, same string
		err        error
	}{
		{"/jail/data/deep", "/jail/data/deep", nil},
		{"/way/data/./deep/", "/jail/data/deep", nil},
		{"/host/deep", "/outside/deep", nil},
		{"/outside/../host", "/outside", nil},
		{"/jail/data/file", "/jail/data/file", nil},
		{"/jail/link", "", ErrEscape},
		{"/jail/link/deep", "", ErrEscape},
		{"/way/inner/deep", "", ErrEscape},
		{"/jail/data/../data", "", ErrEscape},
		{"/jail/../outside", "", ErrEscape},
		{"/jail/none", "", ErrNotFound},
		{"/jail/data/file/deep", "", syscall.ENOTDIR},
		{"/loop", "", syscall.ELOOP},
	} {
		st, err := walkSource(MountRequest{Guarded: []string{dir + "/jail"}}, dir+tt.from)
		if !errors.Is(err, tt.err) {
			t.Errorf("%s: %v, want %v", tt.from, err, tt.err)
		}
		if err != nil || tt.err != nil {
			continue
		}
		want, err := os.Stat(dir + tt.same)
		if err != nil {
			t.Fatal(err)
		}
		if ino := want.Sys().(*syscall.Stat_t).Ino; uint64(st.Ino) != uint64(ino) {
			t.Errorf("%s: file %d, want %d", tt.from, st.Ino, ino)
		}
	}
}
