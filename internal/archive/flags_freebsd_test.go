package archive_test

import (
	"io/fs"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// schg is SF_IMMUTABLE of <sys/stat.h>.
const schg = 0x00020000

func immutable(path string) (bool, error) {
	var st unix.Stat_t
	err := unix.Lstat(path, &st)
	return st.Flags&schg != 0, err
}

func clearFlags(t testing.TB, root string) {
	filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if on, err := immutable(path); err == nil && on {
			if err := unix.Chflags(path, 0); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
}
