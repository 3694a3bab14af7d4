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

// Write replaces the content of the file at path with data. An existing file keeps
// its mode and owner; a new one gets perm, whatever the umask. On failure the old
// file is unchanged and the temporary file is removed. The error wraps ErrNotRegular
// or the *fs.PathError (or *os.LinkError) of the operation that failed.
//
// If flushing the directory fails, the last operation, the new content is in place.
func Write(path string, data []byte, perm fs.FileMode) error {
	return writeTo(system{}, path, data, perm)
}

// writeTo is Write on another file system.
func writeTo(fsys fileSystem, path string, data []byte, perm fs.FileMode) error {
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

// create opens a new file in the directory of path. Names are tried in order, not
// at random, to bound the leftovers of crashes; exclusive creation makes two
// writers use different ones.
func create(fsys fileSystem, path string) (string, tempFile, error) {
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

// fill writes, sets the owner before the mode (chown(2) clears set-id bits),
// flushes and closes. The owner is set only if it differs: only root may change
// it.
func fill(file tempFile, data []byte, perm fs.FileMode, old fs.FileInfo) error {
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
