package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

// writer extracts through os.Root, one member after the other.
type writer struct {
	ctx   context.Context
	root  *os.Root
	tr    *cachedTree
	owner bool // running as root: owners are restored
	buf   []byte

	dirs map[string]attributes // applied last
	at   *os.Root              // the directory of the previous member
	name string                // its name, "" if none is open
}

// attributes are set on a directory after everything below it was written.
type attributes struct {
	mode     fs.FileMode
	uid, gid int
	mtime    time.Time
}

func newWriter(ctx context.Context, root *os.Root) *writer {
	return &writer{
		ctx: ctx, root: root,
		tr:    &cachedTree{diskTree: diskTree{root}},
		owner: os.Geteuid() == 0,
		buf:   make([]byte, 128<<10),
		dirs:  map[string]attributes{},
	}
}

func (w *writer) tree() tree { return w.tr }

func (w *writer) raw() io.Writer { return nil }

func (w *writer) member(m *member, data io.Reader) error {
	if err := w.ctx.Err(); err != nil {
		return context.Cause(w.ctx)
	}
	return fail(m.hdr.Name, w.write(m, data))
}

// fail adds the member's name, unless reading the archive failed.
func fail(name string, err error) error {
	if errors.As(err, new(*fs.PathError)) || errors.As(err, new(*os.LinkError)) || errors.As(err, new(*os.SyscallError)) {
		return &MemberError{Name: name, Err: err}
	}
	return err
}

func (w *writer) write(m *member, data io.Reader) error {
	if m.name == "." {
		w.dirs["."] = attributesOf(m.hdr)
		return nil
	}
	dir, err := w.parent(path.Dir(m.name))
	if err != nil {
		return err
	}
	base := path.Base(m.name)
	if m.hdr.Typeflag == tar.TypeDir {
		return w.mkdir(dir, base, m)
	}
	if err := w.clear(dir, base, m.name); err != nil {
		return err
	}
	switch m.hdr.Typeflag {
	case tar.TypeSymlink:
		if err := dir.Symlink(m.hdr.Linkname, base); err != nil {
			return err
		}
		if w.owner {
			return dir.Lchown(base, m.hdr.Uid, m.hdr.Gid)
		}
		return nil
	case tar.TypeLink:
		// The check found no link on the way to either name.
		return w.root.Link(m.link, m.name)
	}
	return w.file(dir, base, m.hdr, data)
}

// file writes content, then owner, then mode: chown(2) clears setuid.
func (w *writer) file(dir *os.Root, base string, hdr *tar.Header, data io.Reader) (err error) {
	f, err := dir.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err == nil {
			err = dir.Chtimes(base, time.Time{}, hdr.ModTime)
		}
	}()
	for {
		if w.ctx.Err() != nil {
			return context.Cause(w.ctx)
		}
		n, rerr := data.Read(w.buf)
		if _, werr := f.Write(w.buf[:n]); werr != nil {
			return werr
		}
		if rerr == io.EOF {
			break
		}
		if rerr != nil {
			return rerr
		}
	}
	if w.owner {
		if err := f.Chown(hdr.Uid, hdr.Gid); err != nil {
			return err
		}
	}
	return f.Chmod(modeOf(hdr))
}

// mkdir creates a directory that stays writable until finish. An existing directory
// is kept with its content.
func (w *writer) mkdir(dir *os.Root, base string, m *member) error {
	fi, err := dir.Lstat(base)
	switch {
	case err == nil && fi.IsDir():
		err = dir.Chmod(base, fi.Mode().Perm()|0o700)
	case err == nil:
		if err := w.clear(dir, base, m.name); err != nil {
			return err
		}
		err = dir.Mkdir(base, 0o700)
	case errors.Is(err, fs.ErrNotExist):
		err = dir.Mkdir(base, 0o700)
	}
	if err != nil {
		return err
	}
	w.dirs[m.name] = attributesOf(m.hdr)
	return nil
}

// clear removes an existing file, link or empty directory. Because it is replaced
// and not opened, other names of a hard-linked file and the target of a symbolic link
// do not change.
func (w *writer) clear(dir *os.Root, base, name string) error {
	err := dir.Remove(base)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	delete(w.dirs, name)
	w.forget()
	return nil
}

// parent opens the directory, and creates it if the archive has no member for it.
// Its path was checked, so no component is a link.
func (w *writer) parent(name string) (*os.Root, error) {
	if name == "." {
		return w.root, nil
	}
	if w.at != nil && w.name == name {
		return w.at, nil
	}
	if err := w.root.MkdirAll(name, 0o755); err != nil {
		return nil, err
	}
	dir, err := w.root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	w.forget()
	w.at, w.name = dir, name
	w.tr.verified = name
	return dir, nil
}

// forget closes the current directory.
func (w *writer) forget() {
	if w.at != nil {
		w.at.Close()
	}
	w.at, w.name, w.tr.verified = nil, "", ""
}

func (w *writer) abort() { w.forget() }

// cachedTree knows the directory of the previous member and those above it without
// looking at the disk again.
type cachedTree struct {
	diskTree
	verified string
}

func (t *cachedTree) at(name string) (kind, error) {
	if t.verified != "" && strings.HasPrefix(t.verified, name) &&
		(len(name) == len(t.verified) || t.verified[len(name)] == '/') {
		return kindDir, nil
	}
	return t.diskTree.at(name)
}

func attributesOf(hdr *tar.Header) attributes {
	return attributes{modeOf(hdr), hdr.Uid, hdr.Gid, hdr.ModTime}
}

// modeOf returns the permissions with setuid, setgid and sticky.
func modeOf(hdr *tar.Header) fs.FileMode {
	mode := fs.FileMode(hdr.Mode & 0o777)
	for bit, flag := range map[int64]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if hdr.Mode&bit != 0 {
			mode |= flag
		}
	}
	return mode
}

// errNotDir returns the error for a directory that was something else when its
// attributes were set.
func errNotDir(name string) error {
	return &MemberError{Name: name, Err: fmt.Errorf("%w when its attributes were set", ErrNotDirectory)}
}
