package saferoot

import (
	"io/fs"
	"time"
)

// Info describes a file, or a symbolic link itself.
type Info struct {
	Name    string      // the last component, "." for the root
	Mode    fs.FileMode // type and permissions
	Size    int64       // bytes
	ModTime time.Time
	// Dev and Ino identify the file on this host. They, UID and GID are 0 on
	// systems without openat(2).
	Dev, Ino uint64
	UID, GID uint32
}

// IsDir reports whether it is a directory.
func (i Info) IsDir() bool { return i.Mode.IsDir() }

// IsRegular reports whether it is a regular file.
func (i Info) IsRegular() bool { return i.Mode.IsRegular() }

// IsSymlink reports whether it is a symbolic link.
func (i Info) IsSymlink() bool { return i.Mode.Type() == fs.ModeSymlink }

// reasonOr returns the reason to refuse it: a symbolic link, or otherwise reason.
func (i Info) reasonOr(reason string) string {
	if i.IsSymlink() {
		return ReasonSymlink
	}
	return reason
}
