package saferoot

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
)

const tempPrefix = ".saferoot-"

// tempName returns the name of a temporary file of WriteFile. It is unpredictable,
// so that a jail cannot occupy it.
func tempName() string { return tempPrefix + rand.Text() }

// Clean removes the temporary files that a killed WriteFile left in a directory,
// and returns how many it removed. The caller holds the lock that keeps others from
// writing there. A directory that does not exist has none. Errors are *EscapeError
// and *fs.PathError.
func (r *Root) Clean(rel string) (removed int, err error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	dirs, err := split(rel)
	if err != nil {
		return 0, err
	}
	d, err := r.openDir(rel, dirs)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer d.Close()
	left, err := tempFiles(d)
	for _, name := range left {
		e := r.remove(join(append(dirs[:len(dirs):len(dirs)], name)), dirs, name, false)
		if e == nil {
			removed++
		} else if !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return removed, err
}

// tempFiles reads names in batches, since the jail determines their number.
func tempFiles(d *os.File) (left []string, err error) {
	for {
		entries, err := d.ReadDir(512)
		for _, e := range entries {
			rest, ok := strings.CutPrefix(e.Name(), tempPrefix)
			if ok && len(rest) == len(rand.Text()) && e.Type().IsRegular() {
				left = append(left, e.Name())
			}
		}
		if errors.Is(err, io.EOF) {
			return left, nil
		}
		if err != nil {
			return left, err
		}
	}
}
