package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// ErrNotRegular is returned for a destination that exists and is not a regular
// file, such as a symbolic link, a directory or a device.
var ErrNotRegular = errors.New("not a regular file")

// attempts bounds the search for an unused temporary name.
const attempts = 100

// Write replaces the file at path by data. An existing file keeps its mode and
// owner; a new one gets perm, whatever the umask. On failure the old file is
// untouched and the temporary file is removed. The error wraps ErrNotRegular
// or the *fs.PathError (or *os.LinkError) of the operation that failed.
//
// An error from flushing the directory, the last operation, comes after the
// new content is in place.
func Write(path string, data []byte, perm fs.FileMode) error {
	return WriteTo(OS{}, path, data, perm)
}

// WriteTo is Write on another file system.
func WriteTo(fsys FS, path string, data []byte, perm fs.FileMode) error {
	old, err := fsys.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		old = nil
	case err != nil:
		return err
	case !old.Mode().IsRegular():
		return fmt.Errorf("atomicfile: %s: %w", path, ErrNotRegular)
	default:
		perm = old.Mode()
	}
	temp, file, err := create(fsys, path)
	if err != nil {
		return err
	}
	if err := fill(file, data, perm, old); err != nil {
		return errors.Join(err, fsys.Remove(temp))
	}
	if err := fsys.Rename(temp, path); err != nil {
		return errors.Join(err, fsys.Remove(temp))
	}
	return fsys.SyncDir(filepath.Dir(path))
}

// create opens a new file beside path. The names are tried in order rather
// than drawn, so that a leftover of a crash is the worst that can be there;
// exclusive creation makes two writers take different ones.
func create(fsys FS, path string) (string, File, error) {
	dir, base := filepath.Split(path)
	for n := range attempts {
		temp := filepath.Join(dir, fmt.Sprintf(".%s.%d.tmp", base, n))
		file, err := fsys.Create(temp)
		if err == nil || !errors.Is(err, fs.ErrExist) {
			return temp, file, err
		}
	}
	return "", nil, fmt.Errorf("atomicfile: %s: %d temporary files in the way: %w", path, attempts, fs.ErrExist)
}

// fill writes, sets owner before mode (chown(2) clears set-id bits), flushes
// and closes. The owner is only set where it differs: others than root may
// not give files away.
func fill(file File, data []byte, perm fs.FileMode, old fs.FileInfo) error {
	_, err := file.Write(data)
	if err == nil && old != nil {
		err = file.ChownLike(old)
	}
	if err == nil {
		err = file.Chmod(perm & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky))
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}
