//go:build linux || freebsd

package archive

import (
	"archive/tar"
	"os"

	"golang.org/x/sys/unix"
)

// makeNode makes a device node or fifo in the open directory dir.
func makeNode(dir *os.Root, base string, hdr *tar.Header) error {
	d, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	mode := uint32(hdr.Mode & 0o777)
	switch hdr.Typeflag {
	case tar.TypeChar:
		mode |= unix.S_IFCHR
	case tar.TypeBlock:
		mode |= unix.S_IFBLK
	default:
		// mknod(2) with device 0 makes a fifo on both systems.
		mode |= unix.S_IFIFO
	}
	var dev uint64
	if hdr.Typeflag != tar.TypeFifo {
		dev = unix.Mkdev(uint32(hdr.Devmajor), uint32(hdr.Devminor))
	}
	if err := mknodat(int(d.Fd()), base, mode, dev); err != nil {
		return &os.PathError{Op: "mknodat", Path: base, Err: err}
	}
	return nil
}
