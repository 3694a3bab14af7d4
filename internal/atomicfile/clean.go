package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Clean removes the temporary files that writers of path left when they were
// killed, and tells how many there were. The caller holds whatever keeps others
// from writing the file in the meantime. A directory that is not there has none.
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
