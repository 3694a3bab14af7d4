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
	parts, err := split(rel)
	if err != nil {
		return 0, err
	}
	t := target{rel, parts}
	d, err := r.walk(t)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer r.leave(d)
	list, err := d.list()
	if err != nil {
		return 0, t.failed("open", err)
	}
	defer list.Close()
	left, err := tempFiles(list)
	for _, name := range left {
		e := d.remove(name, false)
		if e == nil {
			removed++
		} else if !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, t.failed("remove", e))
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
