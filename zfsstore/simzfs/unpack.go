package simzfs

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// unpackTree makes the directory root from a tar archive of packTree. The
// archive is not trusted: an os.Root keeps everything below root.
func unpackTree(r io.Reader, root string) error {
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	top, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer top.Close()
	var dirs []*tar.Header
	in := tar.NewReader(r)
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if errors.Is(err, tar.ErrHeader) {
				return errDamaged
			}
			return err
		}
		if header.Typeflag == tar.TypeDir {
			dirs = append(dirs, header)
		}
		if err := unpackFile(top, in, header); err != nil {
			return err
		}
	}
	// Modes of directories last, as they may forbid writing; the deepest first.
	for _, header := range slices.Backward(dirs) {
		if err := finish(top, header); err != nil {
			return err
		}
	}
	return nil
}

func unpackFile(top *os.Root, in *tar.Reader, header *tar.Header) error {
	name := filepath.FromSlash(header.Name)
	switch header.Typeflag {
	case tar.TypeDir:
		if name == "." {
			return nil
		}
		return top.Mkdir(name, 0o700)
	case tar.TypeSymlink:
		if err := top.Symlink(header.Linkname, name); err != nil {
			return err
		}
		return keepUnprivileged(top.Lchown(name, header.Uid, header.Gid))
	case tar.TypeLink:
		return top.Link(filepath.FromSlash(header.Linkname), name)
	case tar.TypeFifo:
		if !filepath.IsLocal(name) {
			return errDamaged
		}
		if err := makePipe(filepath.Join(top.Name(), name)); err != nil {
			return err
		}
		return finish(top, header)
	case tar.TypeReg:
		out, err := top.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err := writeAll(out, err, in); err != nil {
			return err
		}
		return finish(top, header)
	}
	return errDamaged
}

// keepUnprivileged ignores that only root may change owners.
func keepUnprivileged(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// finish sets owner, mode and times, the owner as far as that is permitted.
func finish(top *os.Root, header *tar.Header) error {
	name := filepath.FromSlash(header.Name)
	if err := keepUnprivileged(top.Lchown(name, header.Uid, header.Gid)); err != nil {
		return err
	}
	if err := top.Chmod(name, permissions(header.FileInfo())); err != nil {
		return err
	}
	return top.Chtimes(name, header.ModTime, header.ModTime)
}

// same reports whether two trees have the same names and types, and files of the
// same sizes, modes and times, apart from the control directory at their top.
func (c *copier) same(a, b string, top bool) bool {
	if !top {
		a = c.source(a)
	}
	as, errA := os.ReadDir(a)
	bs, errB := os.ReadDir(b)
	if errA != nil || errB != nil {
		return false
	}
	if top {
		control := func(e fs.DirEntry) bool { return e.Name() == controlDir }
		as, bs = slices.DeleteFunc(as, control), slices.DeleteFunc(bs, control)
	}
	if len(as) != len(bs) {
		return false
	}
	for i := range as {
		ai, errA := as[i].Info()
		bi, errB := bs[i].Info()
		if errA != nil || errB != nil || ai.Name() != bi.Name() || ai.Mode().Type() != bi.Mode().Type() {
			return false
		}
		if ai.IsDir() {
			// The mode of a covered directory is another file system's.
			if !c.same(filepath.Join(a, ai.Name()), filepath.Join(b, bi.Name()), false) {
				return false
			}
		} else if ai.Mode().IsRegular() && (ai.Mode() != bi.Mode() || ai.Size() != bi.Size() || !ai.ModTime().Equal(bi.ModTime())) {
			return false
		}
	}
	return true
}
