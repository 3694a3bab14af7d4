package fleet

import (
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"time"
)

// stamps are files as they were last read, by path.
type stamps map[string]stamp

// stamp is what a file was like, and when it was read.
type stamp struct {
	info os.FileInfo
	sum  [sha256.Size]byte
	at   time.Time
}

// settled is how old a file has to be when it is read for an unchanged time to
// mean an unchanged file later: clocks of file systems tick in milliseconds.
const settled = 2 * time.Second

// same reports whether the file is unchanged, as far as its times show.
func (s stamp) same(info os.FileInfo) bool {
	return os.SameFile(s.info, info) && s.info.ModTime().Equal(info.ModTime()) && s.info.Size() == info.Size()
}

// changed reports whether one of a directory's files differs from the last call.
func (s stamps) changed(dir string, names ...string) bool {
	different := false
	for _, name := range names {
		path := filepath.Join(dir, name)
		was, known := s[path]
		at := time.Now()
		info, err := os.Lstat(path)
		if err != nil || !info.Mode().IsRegular() {
			if known {
				delete(s, path)
				different = true
			}
			continue
		}
		if known && was.same(info) && was.at.Sub(was.info.ModTime()) > settled {
			continue
		}
		// The info is of the file that is read: a rename in between would be reported
		// twice.
		info, sum, err := sumFile(path)
		if err != nil || !info.Mode().IsRegular() {
			continue // it is being replaced; the next poll sees it
		}
		// A file that has its old text again was written in between, and the reader
		// of the last change may have seen that text.
		if !known || sum != was.sum || !was.same(info) {
			different = true
		}
		s[path] = stamp{info, sum, at}
	}
	return different
}

func sumFile(path string) (info os.FileInfo, sum [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, sum, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, sum, err
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, sum, err
	}
	return info, [sha256.Size]byte(h.Sum(nil)), nil
}
