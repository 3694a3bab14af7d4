package simkernel

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/internal/pathname"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
)

// place is a file as the kernel knows it: a mounted file system and the path
// within it. Two paths that lead to one place are one file.
type place struct {
	m   *mount
	rel string // clean, begins with "/"
}

// path returns where the place is seen from the host's root.
func (p place) path() string { return path.Join(p.m.Path, p.rel) }

// real returns the file on this machine's disk for a place; ok is false if
// there is none, as below devfs.
func (k *machine) real(p place) (file string, ok bool) {
	sub := filepath.FromSlash(p.rel)
	switch m := p.m; {
	case m.shows():
		return k.real(place{m.src, path.Join(m.SrcRel, p.rel)})
	case m.Dir != "":
		return filepath.Join(m.Dir, sub), true
	case m.onDisk():
		return k.onDisk(path.Join(m.Path, p.rel)), true
	case p.rel == "/" && m.cover.m != nil:
		return k.real(m.cover)
	}
	return "", false
}

// cross goes from a place to the root of what is mounted on it.
func (k *machine) cross(p place) place {
	for {
		over := k.mounts.over[p]
		if len(over) == 0 {
			return p
		}
		p = place{over[len(over)-1], "/"}
	}
}

// up returns the place of "..".
func (k *machine) up(p, root place) place {
	for p != root {
		if p.rel != "/" {
			return k.cross(place{p.m, path.Dir(p.rel)})
		}
		if p.m.cover.m == nil {
			return p
		}
		p = p.m.cover
	}
	return p
}

// namei looks a path up as the view sees it, following symbolic links.
func (v *view) namei(p string) (place, fs.FileInfo, syscall.Errno) {
	if !strings.HasPrefix(p, "/") { // there is no working directory of interest
		for name := range strings.SplitSeq(p, "/") {
			if len(name) > 255 {
				return place{}, nil, syscall.ENAMETOOLONG
			}
		}
		return place{}, nil, syscall.ENOENT
	}
	return v.s.lookupPath(v.me.rootPlace(v.s), v.me.rootPlace(v.s), p, true)
}

func (pr *prison) rootPlace(k *machine) place {
	if pr.parent == nil {
		return k.cross(place{k.mounts.root, "/"})
	}
	return pr.root
}

// guardedNamei is namei that follows no symbolic link and no ".." at or below
// guarded directories; escape is the one it has met.
func (v *view) guardedNamei(p string, guarded []string) (at place, info fs.FileInfo, escape string, e syscall.Errno) {
	if !strings.HasPrefix(p, "/") || len(guarded) == 0 {
		at, info, e = v.namei(p)
		return at, info, "", e
	}
	root := v.me.rootPlace(v.s)
	at, info, e = v.s.walk(root, root, p, true, func(cur place, name string) bool {
		if precheck.AtOrBelow(cur.path(), guarded) {
			escape = path.Join(cur.path(), name)
		}
		return escape == ""
	})
	return at, info, escape, e
}

// lookupPath walks p from dir, or from root if it is absolute. follow reports
// whether a symbolic link at the end is followed.
func (k *machine) lookupPath(root, dir place, p string, follow bool) (place, fs.FileInfo, syscall.Errno) {
	return k.walk(root, dir, p, follow, func(place, string) bool { return true })
}

// walk is lookupPath that asks before it follows a link or ".." of a directory.
func (k *machine) walk(root, dir place, p string, follow bool, may func(cur place, name string) bool) (place, fs.FileInfo, syscall.Errno) {
	if len(p)+1 > 1024 {
		return place{}, nil, syscall.ENAMETOOLONG
	}
	if p == "" {
		return place{}, nil, syscall.ENOENT
	}
	cur := dir
	if strings.HasPrefix(p, "/") {
		cur = root
	}
	rest := strings.Split(p, "/")
	links := 0
	info, e := k.lstat(cur)
	if e != 0 {
		return place{}, nil, e
	}
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		if name == "" || name == "." {
			if !info.IsDir() {
				return place{}, nil, syscall.ENOTDIR
			}
			continue
		}
		if len(name) > 255 {
			return place{}, nil, syscall.ENAMETOOLONG
		}
		if !info.IsDir() {
			return place{}, nil, syscall.ENOTDIR
		}
		if name == ".." {
			if !may(cur, name) {
				return place{}, nil, syscall.ELOOP
			}
			cur = k.up(cur, root)
			if info, e = k.lstat(cur); e != 0 {
				return place{}, nil, e
			}
			continue
		}
		next := place{cur.m, path.Join(cur.rel, name)}
		if info, e = k.lstat(next); e != 0 {
			return place{}, nil, e
		}
		if info.Mode()&fs.ModeSymlink != 0 && (follow || len(rest) > 0) {
			if !may(cur, name) {
				return place{}, nil, syscall.ELOOP
			}
			if links++; links > 32 {
				return place{}, nil, syscall.ELOOP
			}
			file, _ := k.real(next)
			to, err := os.Readlink(file)
			if err != nil {
				return place{}, nil, toErrno(err)
			}
			to = filepath.ToSlash(to)
			if strings.HasPrefix(to, "/") {
				cur = root
			}
			rest = append(strings.Split(to, "/"), rest...)
			if info, e = k.lstat(cur); e != 0 {
				return place{}, nil, e
			}
			continue
		}
		cur = k.cross(next)
		if cur != next {
			if info, e = k.lstat(cur); e != 0 {
				return place{}, nil, e
			}
		}
	}
	return cur, info, 0
}

func (k *machine) lstat(p place) (fs.FileInfo, syscall.Errno) {
	switch m := p.m; {
	case m.shows():
		return k.lstat(place{m.src, path.Join(m.SrcRel, p.rel)})
	case m.Type == "devfs" && p.rel != "/":
		return k.devLstat(m, p.rel)
	case p.rel == "/" && m.Dir == "" && !m.onDisk():
		return k.lstat(m.cover)
	}
	file, ok := k.real(p)
	if !ok {
		return nil, syscall.ENOENT
	}
	info, err := os.Lstat(file)
	if err != nil {
		return nil, toErrno(err)
	}
	return info, 0
}

// toErrno returns the errno of an error of package os.
func toErrno(err error) syscall.Errno {
	var e syscall.Errno
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return syscall.ENOENT
	case errors.Is(err, fs.ErrPermission):
		return syscall.EACCES
	case errors.As(err, &e):
		return e
	}
	return syscall.EIO
}

// walkBelow looks up a path all of whose components below the root must be real:
// a symbolic link or ".." among them is ErrEscape.
func (v *view) walkBelow(below, p string) (place, fs.FileInfo, error) {
	refuse := func(e syscall.Errno, msg string, err error) (place, fs.FileInfo, error) {
		return place{}, nil, refusal.NotFound(&kernel.CallError{Op: OpNmount, Subject: p, Errno: e, Msg: msg, Err: err})
	}
	rest, ok := pathname.Cut(p, below)
	if !ok || !strings.HasPrefix(below, "/") {
		return refuse(0, "it is not below "+below, kernel.ErrEscape)
	}
	root, info, e := v.namei(below)
	if e != 0 {
		return refuse(e, "root "+below, nil)
	}
	if rest = strings.Trim(rest, "/"); rest == "" {
		return root, info, nil
	}
	escape := ""
	at, info, e := v.s.walk(root, root, rest, true, func(cur place, name string) bool {
		escape = path.Join(cur.path(), name) + " is a symbolic link"
		if name == ".." {
			escape = `it contains ".."`
		}
		return false
	})
	switch {
	case escape != "":
		return refuse(0, escape, kernel.ErrEscape)
	case e != 0:
		return refuse(e, "", nil)
	}
	return at, info, nil
}

// Resolve follows a path of the host through symbolic links and the mount table
// to the real file or directory that is visible there. It fails with ErrNotFound
// and fs.ErrNotExist if there is none; devfs, procfs and fdescfs have no real
// files.
func (s *Kernel) Resolve(p string) (string, error) {
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	at, _, e := s.namei(p)
	if e == 0 {
		if file, ok := s.s.real(at); ok {
			return file, nil
		}
		e = syscall.ENOENT
	}
	return "", pathError("open", p, e)
}

// ResolveIn is Resolve for a path as a process in the jail sees it: symbolic links
// do not lead out of the jail's root.
func (s *Kernel) ResolveIn(id kernel.Identity, p string) (string, error) {
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	pr, err := s.s.jails.check("jail_attach", id)
	if err != nil {
		return "", err
	}
	root := pr.rootPlace(s.s)
	at, _, e := s.s.lookupPath(root, root, p, true)
	if e == 0 {
		if file, ok := s.s.real(at); ok {
			return file, nil
		}
		e = syscall.ENOENT
	}
	return "", pathError("open", p, e)
}

// ResolveWrite is Resolve for a file to be written: its last component need not
// exist, and it fails with EROFS on a read-only file system.
func (s *Kernel) ResolveWrite(p string) (string, error) {
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	root := s.me.rootPlace(s.s)
	return s.s.resolveWrite(root, root, p)
}

func (k *machine) resolveWrite(root, dir place, p string) (string, error) {
	at, _, e := k.lookupPath(root, dir, p, true)
	if e == syscall.ENOENT {
		name := path.Base(p)
		if at, _, e = k.lookupPath(root, dir, path.Dir(p), true); e == 0 {
			at.rel = path.Join(at.rel, name)
		}
	}
	if e == 0 && at.m.readOnly() {
		e = syscall.EROFS
	}
	if e == 0 {
		if file, ok := k.real(at); ok {
			return file, nil
		}
		e = syscall.EACCES
	}
	return "", pathError("open", p, e)
}

func pathError(op, p string, e syscall.Errno) error { return refusal.Missing(op, p, e) }
