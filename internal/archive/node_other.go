//go:build !linux && !freebsd

package archive

import (
	"archive/tar"
	"fmt"
	"os"
)

// makeNode refuses: there is no mknodat(2) or mkfifoat(2) to be had here.
func makeNode(_ *os.Root, base string, _ *tar.Header) error {
	return fmt.Errorf("mknod %s: %w", base, ErrUnsupported)
}
