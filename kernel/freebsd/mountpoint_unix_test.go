//go:build freebsd || linux || darwin

package freebsd

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

func TestMountPoint(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	check(t, err)
	root := filepath.Join(top, "j")
	check(t, os.MkdirAll(filepath.Join(root, "usr/local"), 0o755))
	check(t, os.WriteFile(filepath.Join(root, "file"), nil, 0o644))
	check(t, os.Symlink("usr", filepath.Join(root, "link")))
	check(t, os.Symlink("j", filepath.Join(top, "alias")))
	check(t, syscall.Mkfifo(filepath.Join(root, "fifo"), 0o600))
	for _, c := range []struct {
		below, path string
		want        string // the path, below root
		is          error
		says        string
	}{
		{root, root, "", nil, ""},
		{root, root + "/usr/local", "usr/local", nil, ""},
		{root, root + "/file", "file", nil, ""},
		{top + "/alias", top + "/alias/usr", "usr", nil, ""},
		{root, root + "/link", "", kernel.ErrEscape, root + "/link: symbolic link"},
		{root, root + "/link/local", "", kernel.ErrEscape, root + "/link: symbolic link"},
		{root, root + "/../x", "", kernel.ErrEscape, "is not below " + root},
		{root, top, "", kernel.ErrEscape, "is not below " + root},
		{root, root + "/none", "", kernel.ErrNotFound, ""},
		{root, root + "/file/x", "", syscall.ENOTDIR, ""},
		{root, root + "/fifo", "", syscall.ENOTDIR, ""},
		{top + "/none", top + "/none/x", "", kernel.ErrNotFound, ""},
	} {
		got, err := mountPoint(kernel.MountRequest{Below: c.below, Path: c.path})
		if c.is != nil {
			wantErr(t, err, c.is)
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v, want %q", c.path, err, c.says)
			}
			continue
		}
		check(t, err)
		if want := filepath.Join(root, c.want); got != want {
			t.Errorf("%s is %s, want %s", c.path, got, want)
		}
	}
}
