//go:build !linux && !freebsd

package archive

import (
	"archive/tar"
	"fmt"
	"os"
)

// makeNode fails: mknodat(2) is not available on this system.
func makeNode(_ *os.Root, base string, _ *tar.Header) error {
	return fmt.Errorf("mknod %s: %w", base, ErrUnsupported)
}
