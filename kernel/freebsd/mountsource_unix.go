//go:build freebsd || linux || darwin

package freebsd

import (
	"path"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
)

const walkDirFlags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC

// walkSource looks up the source of a mount from the root directory, one
// component after the other, and follows symbolic links outside of the guarded
// directories only. It tells what is there.
func walkSource(r kernel.MountRequest, source string) (st unix.Stat_t, err error) {
	fail := func(at string, err error) (unix.Stat_t, error) {
		e := &kernel.CallError{Op: "nmount", Subject: at}
		if errno, ok := err.(syscall.Errno); ok {
			e.Errno = errno
		}
		if e.Errno == syscall.ENOENT {
			e.Err = kernel.ErrNotFound
		}
		return unix.Stat_t{}, e
	}
	fd, err := openDir(unix.AT_FDCWD, "/")
	if err != nil {
		return fail("/", err)
	}
	defer func() { unix.Close(fd) }()
	if err := unix.Fstat(fd, &st); err != nil {
		return fail("/", err)
	}
	at, rest, links := "/", strings.Split(source, "/"), 0
	enter := func(next int, err error) error {
		if err == nil {
			unix.Close(fd)
			fd = next
			err = unix.Fstat(fd, &st)
		}
		return err
	}
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		if name == "" || name == "." {
			continue
		}
		here := path.Join(at, name)
		if name == ".." {
			if precheck.AtOrBelow(at, r.Guarded) {
				return unix.Stat_t{}, precheck.Escapes(r, at+"/..")
			}
			if err := enter(openDir(fd, name)); err != nil {
				return fail(here, err)
			}
			at = here
			continue
		}
		if err := unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return fail(here, err)
		}
		switch kind := st.Mode & unix.S_IFMT; {
		case kind == unix.S_IFLNK && precheck.AtOrBelow(at, r.Guarded):
			return unix.Stat_t{}, precheck.Escapes(r, here)
		case kind == unix.S_IFLNK:
			if links++; links > 32 {
				return fail(here, syscall.ELOOP)
			}
			buf := make([]byte, 1024)
			n, err := unix.Readlinkat(fd, name, buf)
			if err != nil {
				return fail(here, err)
			}
			target := string(buf[:n])
			if strings.HasPrefix(target, "/") {
				if err := enter(openDir(unix.AT_FDCWD, "/")); err != nil {
					return fail("/", err)
				}
				at = "/"
			}
			rest = append(strings.Split(target, "/"), rest...)
		case kind == unix.S_IFDIR:
			next, err := openDir(fd, name)
			if (err == unix.ELOOP || err == unix.EMLINK || err == unix.ENOTDIR) && precheck.AtOrBelow(at, r.Guarded) {
				return unix.Stat_t{}, precheck.Escapes(r, here) // it became a link
			}
			if err := enter(next, err); err != nil {
				return fail(here, err)
			}
			at = here
		case strings.Join(rest, "") != "":
			return fail(here, syscall.ENOTDIR)
		}
	}
	return st, nil
}

func openDir(at int, name string) (int, error) {
	for {
		fd, err := unix.Openat(at, name, walkDirFlags, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}
