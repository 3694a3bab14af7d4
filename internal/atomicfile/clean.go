package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
		if of, temp := target(e); !temp || of != base {
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

// Unfinished returns the names of the files in a directory that killed writers have left
// temporary files of, sorted. The files themselves may not exist. A directory that does
// not exist has none.
func Unfinished(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if of, temp := target(e); temp {
			names = append(names, of)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

// target returns the name of the file that a temporary file is to replace.
func target(e fs.DirEntry) (name string, temp bool) {
	name, temp = strings.CutSuffix(e.Name(), ".tmp")
	name, hidden := strings.CutPrefix(name, ".")
	dot := strings.LastIndexByte(name, '.')
	if !temp || !hidden || dot < 0 || strings.Trim(name[dot+1:], "0123456789") != "" || !e.Type().IsRegular() {
		return "", false
	}
	return name[:dot], true
}
