//go:build freebsd || linux || darwin

package freebsd

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/libioc/go-libioc/kernel"
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
		{"/jail/link", "", kernel.ErrEscape},
		{"/jail/link/deep", "", kernel.ErrEscape},
		{"/way/inner/deep", "", kernel.ErrEscape},
		{"/jail/data/../data", "", kernel.ErrEscape},
		{"/jail/../outside", "", kernel.ErrEscape},
		{"/jail/none", "", kernel.ErrNotFound},
		{"/jail/data/file/deep", "", syscall.ENOTDIR},
		{"/loop", "", syscall.ELOOP},
	} {
		st, err := walkSource(kernel.MountRequest{Guarded: []string{dir + "/jail"}}, dir+tt.from)
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
