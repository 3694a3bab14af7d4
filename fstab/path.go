package fstab

import (
	"path"
	"strings"

	"github.com/libioc/go-libioc/internal/pathname"
)

// Resolve returns the path of the host at which a jail's entry is mounted: a
// destination at or below the jail's root directory is kept; any other is a path
// inside the jail and is joined to the root. Both must be absolute
// paths without ".." components and newlines, otherwise the error is
// *InvalidError.
//
// It compares text only. Before mounting, check for symbolic links inside the jail.
func Resolve(root, destination string) (string, error) {
	if err := checkAbsolute("root", root); err != nil {
		return "", err
	}
	if err := checkAbsolute("destination", destination); err != nil {
		return "", err
	}
	root, destination = path.Clean(root), path.Clean(destination)
	if pathname.Within(destination, root) {
		return destination, nil
	}
	return path.Join(root, destination), nil
}

// ReplacePath moves sources and destinations that are at or below the path old
// to new, and returns how many lines changed. It compares whole components:
// /x/foo does not match /x/foobar. Generated and shadowed lines are changed too, so
// that no line of a cloned jail refers to the original jail.
//
// old and new may also be the markers in libioc's backups, such as "backup:///";
// their final slash is that of the path.
func (f *File) ReplacePath(old, new string) int {
	changed := 0
	for i := range f.lines {
		l := &f.lines[i]
		if l.kind != KindEntry && l.kind != KindAuto {
			continue
		}
		e := l.entry
		e.Source = replacePrefix(e.Source, old, new)
		e.Destination = replacePrefix(e.Destination, old, new)
		if e != l.entry {
			l.set(e)
			changed++
		}
	}
	return changed
}

func replacePrefix(s, old, new string) string {
	compared := s
	if strings.HasPrefix(s, "/") && strings.HasPrefix(old, "/") {
		compared, old = path.Clean(s), path.Clean(old)
	}
	rest, ok := pathname.Cut(compared, old)
	if !ok || old == "" {
		return s
	}
	if rest == "" || rest == "/" {
		return new
	}
	return strings.TrimSuffix(new, "/") + rest
}
