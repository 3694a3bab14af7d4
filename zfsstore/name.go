package zfsstore

import (
	"fmt"
	"strings"

	"github.com/libioc/go-libioc/zfsstore/internal/zfsname"
)

// CheckName reports whether ZFS would accept the name of a dataset, or of a
// snapshot if it has an "@", without asking it: characters, components and length,
// as zfs_validate_name of libzfs checks them. The error wraps ErrInvalidName and has
// the words of zfs(8).
func CheckName(name string) error {
	if words := zfsname.Words(name, strings.Contains(name, "@")); words != "" {
		return fmt.Errorf("%w: %q: %s", ErrInvalidName, name, words)
	}
	return nil
}
