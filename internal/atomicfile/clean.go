package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Clean removes the temporary files left by killed writers of path, and returns
// how many it removed. The caller holds the lock that keeps others from writing
// the file. A directory that does not exist has none.
func Clean(path string) (removed int, err error) {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	for _, e := range entries {
		number, ours := strings.CutPrefix(e.Name(), "."+base+".")
		number, temp := strings.CutSuffix(number, ".tmp")
		if !ours || !temp || strings.Trim(number, "0123456789") != "" || !e.Type().IsRegular() {
			continue
		}
		if e := os.Remove(filepath.Join(dir, e.Name())); e != nil {
			err = errors.Join(err, e)
			continue
		}
		removed++
	}
	return removed, err
}
