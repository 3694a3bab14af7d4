package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// SetAside renames a file that cannot be understood, for a person to look at, and
// returns its new name: the extension becomes ".bad", or ".2.bad" and so on where
// that is taken. The caller must keep others from doing the same at this moment.
func SetAside(path string) (aside string, err error) {
	stem := strings.TrimSuffix(path, filepath.Ext(path))
	aside = stem + ".bad"
	for n := 2; ; n++ {
		_, err := os.Lstat(aside)
		if errors.Is(err, fs.ErrNotExist) {
			return aside, errors.Join(os.Rename(path, aside), SyncDir(filepath.Dir(path)))
		}
		if err != nil {
			return "", err
		}
		aside = fmt.Sprintf("%s.%d.bad", stem, n)
	}
}
