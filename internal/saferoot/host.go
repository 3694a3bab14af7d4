package saferoot

import (
	"os"
	"path/filepath"
	"strings"
)

// maxLinks is how many symbolic links in the root directory lead to another.
const maxLinks = 8

// Host opens the host's own root directory for a path that a configuration names, and
// returns the path relative to it. Links are followed in the root directory only, as
// /home may be one: any directory below may be given to a jail, by nullfs(5), now or
// later, and every link there may be that jail's.
func Host(path string) (r *Root, rel string, err error) {
	if !filepath.IsAbs(path) {
		return nil, "", &os.PathError{Op: "open", Path: path, Err: os.ErrInvalid}
	}
	path = filepath.Clean(path)
	top := filepath.VolumeName(path) + string(filepath.Separator)
	for range maxLinks {
		first, rest, _ := strings.Cut(path[len(top):], string(filepath.Separator))
		to, err := os.Readlink(filepath.Join(top, first))
		if err != nil {
			break // not a link
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(top, to)
		}
		path = filepath.Join(to, rest)
		if filepath.VolumeName(path)+string(filepath.Separator) != top {
			return nil, "", &os.PathError{Op: "open", Path: path, Err: os.ErrInvalid}
		}
	}
	r, err = Open(top)
	return r, filepath.ToSlash(path[len(top):]), err
}
