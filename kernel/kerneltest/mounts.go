package kerneltest

import (
	"errors"
	"os"
	"path"
	"slices"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

var mountCases = []testCase{
	{name: "nullfs", run: mountNullfs},
	{name: "refused", run: mountRefused},
	{name: "read-only and flags", run: mountFlags},
	{name: "through a symbolic link", run: mountSymlink},
	{name: "below a root", run: mountBelow},
	{name: "source below a guarded directory", run: mountGuarded},
	{name: "file onto file", run: mountFile},
	{name: "unmount", run: mountUnmount},
	{name: "in use", run: mountBusy},
	{name: "devfs and rulesets", run: mountDevfs},
	{name: "other file systems", run: mountOthers},
}

// at returns the mount that is at a path, the last one.
func (s *suite) at(p string) (m kernel.Mounted, ok bool) {
	s.Helper()
	table, err := s.Kernel.Getfsstat(s.ctx)
	s.ok(err)
	for _, x := range table {
		if x.Path == p {
			m, ok = x, true
		}
	}
	return m, ok
}

func mountNullfs(s *suite) {
	src, dst := s.mkdir("src"), s.mkdir("dst")
	m := s.mount(kernel.MountRequest{Type: "nullfs", From: src, Path: dst})
	got, ok := s.at(dst)
	if !ok || got != m {
		s.Fatalf("getfsstat has %+v, Nmount returned %+v", got, m)
	}
	equal(s, "type", m.Type, "nullfs")
	equal(s, "from", m.From, src)
	if m.FSID.IsZero() {
		s.Fatal("no FSID")
	}
	_, err := s.Kernel.Nmount(s.ctx, kernel.MountRequest{Type: "nullfs", From: src, Path: dst})
	s.refuses(err, syscall.EDEADLK, "")
	_, err = s.Kernel.Nmount(s.ctx, kernel.MountRequest{Type: "nullfs", From: src, Path: dst, Flags: kernel.MntUpdate | kernel.MntRdOnly})
	s.refuses(err, syscall.EOPNOTSUPP, "")
	s.ok(s.Kernel.Unmount(s.ctx, dst, 0))
	if _, ok := s.at(dst); ok {
		s.Fatal("still mounted")
	}
}

func mountRefused(s *suite) {
	src, dst, file := s.mkdir("src"), s.mkdir("dst"), s.file("file", "")
	none := path.Join(s.Dir, "none")
	missing, words := syscall.EINVAL, "Invalid fstype"
	if s.is15 {
		missing, words = syscall.ENOENT, ""
	}
	for what, c := range map[string]struct {
		req   kernel.MountRequest
		errno syscall.Errno
		msg   string
		gone  bool // ErrNotFound as well
	}{
		"source missing":  {kernel.MountRequest{Type: "nullfs", From: none, Path: dst}, missing, words, true},
		"target missing":  {kernel.MountRequest{Type: "nullfs", From: src, Path: none}, missing, words, true},
		"no source":       {kernel.MountRequest{Type: "nullfs", Path: dst}, syscall.EINVAL, "", false},
		"target a file":   {kernel.MountRequest{Type: "nullfs", From: src, Path: file}, syscall.EINVAL, "", false},
		"unknown type":    {kernel.MountRequest{Type: "nosuchfs", From: src, Path: dst}, syscall.EINVAL, "Invalid fstype", false},
		"no type":         {kernel.MountRequest{From: src, Path: dst}, syscall.EINVAL, "Invalid fstype", false},
		"no path":         {kernel.MountRequest{Type: "nullfs", From: src}, syscall.EINVAL, "Invalid fspath", false},
		"ruleset 70000":   {devfs(dst, "70000"), syscall.EINVAL, "invalid ruleset specification", false},
		"ruleset of text": {devfs(dst, "abc"), syscall.EINVAL, "invalid ruleset specification", false},
	} {
		_, err := s.Kernel.Nmount(s.ctx, c.req)
		if err == nil {
			s.Errorf("%s: mounted", what)
			s.ok(s.Kernel.Unmount(s.ctx, dst, 0))
			continue
		}
		s.refuses(err, c.errno, c.msg)
		if c.gone {
			s.fails(err, kernel.ErrNotFound)
			if call, ok := errors.AsType[*kernel.CallError](err); !ok || call.Subject != none {
				s.Errorf("%s: %v does not name %s", what, err, none)
			}
		}
	}
}

func devfs(p, ruleset string) kernel.MountRequest {
	return kernel.MountRequest{Type: "devfs", Path: p, Options: []kernel.MountOption{{Name: "ruleset", Value: ruleset}}}
}

func mountFlags(s *suite) {
	src, dst := s.mkdir("src"), s.mkdir("dst")
	all := kernel.MntRdOnly | kernel.MntNoSuid | kernel.MntNoExec
	m := s.mount(kernel.MountRequest{Type: "nullfs", From: src, Path: dst, Flags: all})
	equal(s, "by flag", m.Flags&all, all)
	s.ok(s.Kernel.UnmountFSID(s.ctx, m.FSID, 0))
	m = s.mount(kernel.MountRequest{Type: "nullfs", From: src, Path: dst, Options: []kernel.MountOption{{Name: "ro"}, {Name: "nosuid"}, {Name: "nosuchopt"}}})
	equal(s, "by option", m.Flags&(kernel.MntRdOnly|kernel.MntNoSuid), kernel.MntRdOnly|kernel.MntNoSuid)
}

func mountSymlink(s *suite) {
	src, dst := s.mkdir("src"), s.mkdir("dst")
	link := path.Join(s.Dir, "link")
	s.ok(os.Symlink(dst, s.disk(link)))
	m := s.mount(kernel.MountRequest{Type: "nullfs", From: src, Path: link})
	equal(s, "the mount is at what the link names", m.Path, dst)
	s.ok(s.Kernel.Unmount(s.ctx, link, 0))
	s.refuses(s.Kernel.Unmount(s.ctx, dst, 0), syscall.EINVAL, "")
}

func mountBelow(s *suite) {
	src, root := s.mkdir("src"), s.mkdir("root")
	s.mkdir("root/usr/local")
	s.mkdir("outside")
	s.ok(os.Symlink(path.Join(s.Dir, "outside"), s.disk(path.Join(root, "escape"))))
	s.ok(os.Symlink("usr", s.disk(path.Join(root, "inner"))))
	m := s.mount(kernel.MountRequest{Type: "nullfs", From: src, Path: root + "/usr/local", Below: root})
	equal(s, "path", m.Path, root+"/usr/local")
	for _, p := range []string{"/escape", "/inner/local", "/usr/../../outside", "/../outside"} {
		_, err := s.Kernel.Nmount(s.ctx, kernel.MountRequest{Type: "nullfs", From: src, Path: root + p, Below: root})
		s.fails(err, kernel.ErrEscape)
	}
	_, err := s.Kernel.Nmount(s.ctx, kernel.MountRequest{Type: "nullfs", From: src, Path: s.Dir + "/outside", Below: root})
	s.fails(err, kernel.ErrEscape)
	_, err = s.Kernel.Nmount(s.ctx, kernel.MountRequest{Type: "nullfs", From: src, Path: root + "/none", Below: root})
	s.fails(err, kernel.ErrNotFound, syscall.ENOENT)
}

func mountGuarded(s *suite) {
	jail, dst := s.mkdir("jail"), s.mkdir("dst")
	s.mkdir("jail/data/deep")
	outside := s.mkdir("outside")
	s.mkdir("outside/deep")
	s.ok(os.Symlink(outside, s.disk(path.Join(jail, "link"))))
	s.ok(os.Symlink("data", s.disk(path.Join(jail, "inner"))))
	s.ok(os.Symlink(jail, s.disk(path.Join(s.Dir, "way"))))
	s.ok(os.Symlink(outside, s.disk(path.Join(s.Dir, "host"))))
	file := s.file("jail/data/file", "a")
	s.ok(os.Symlink(file, s.disk(path.Join(jail, "data/alias"))))
	to := s.file("to", "b")
	mount := func(from, to string) (kernel.Mounted, error) {
		return s.Kernel.Nmount(s.ctx, kernel.MountRequest{Type: "nullfs", From: from, Path: to, Guarded: []string{jail}})
	}
	for _, from := range []string{
		"/jail/link", "/jail/link/deep", "/jail/inner", "/jail/inner/deep", "/jail/data/../data",
		"/jail/../outside", "/way/link", "/way/inner/deep",
	} {
		_, err := mount(s.Dir+from, dst)
		s.fails(err, kernel.ErrEscape)
	}
	_, err := mount(jail+"/data/alias", to)
	s.fails(err, kernel.ErrEscape)
	_, err = mount(jail+"/none", dst)
	s.fails(err, kernel.ErrNotFound)
	for _, from := range []string{"/jail/data/deep", "/way/data", "/host/deep", "/outside/../host", "/jail"} {
		m, err := mount(s.Dir+from, dst)
		s.ok(err)
		equal(s, "source as it was given", m.From, s.Dir+from)
		s.ok(s.Kernel.UnmountFSID(s.ctx, m.FSID, 0))
	}
	m, err := mount(file, to)
	s.ok(err)
	s.ok(s.Kernel.UnmountFSID(s.ctx, m.FSID, 0))
}

func mountFile(s *suite) {
	a, b := s.file("a", "a"), s.file("b", "b")
	m := s.mount(kernel.MountRequest{Type: "nullfs", From: a, Path: b, Below: s.Dir})
	equal(s, "path", m.Path, b)
}

func mountUnmount(s *suite) {
	src, dst := s.mkdir("src"), s.mkdir("dst")
	err := s.Kernel.Unmount(s.ctx, dst, 0)
	s.fails(err, kernel.ErrNotFound, syscall.EINVAL)
	err = s.Kernel.Unmount(s.ctx, path.Join(s.Dir, "none"), 0)
	s.fails(err, kernel.ErrNotFound, syscall.EINVAL)
	err = s.Kernel.UnmountFSID(s.ctx, kernel.FSID{Val: [2]int32{0x7fff1234, 0x7fff5678}}, 0)
	s.fails(err, kernel.ErrNotFound, syscall.ENOENT)
	first := s.mount(kernel.MountRequest{Type: "nullfs", From: src, Path: dst})
	second := s.mount(kernel.MountRequest{Type: "tmpfs", Path: dst})
	table, err := s.Kernel.Getfsstat(s.ctx)
	s.ok(err)
	i := slices.IndexFunc(table, func(m kernel.Mounted) bool { return m.FSID == first.FSID })
	j := slices.IndexFunc(table, func(m kernel.Mounted) bool { return m.FSID == second.FSID })
	if i < 0 || j < i {
		s.Fatalf("not in the order of mounting: %d and %d", i, j)
	}
	s.ok(s.Kernel.Unmount(s.ctx, dst, 0))
	if m, _ := s.at(dst); m.FSID != first.FSID {
		s.Fatal("the one mounted last goes first")
	}
	s.ok(s.Kernel.UnmountFSID(s.ctx, first.FSID, 0))
	s.fails(s.Kernel.UnmountFSID(s.ctx, first.FSID, 0), kernel.ErrNotFound, syscall.ENOENT)
}

func mountBusy(s *suite) {
	src, dst := s.mkdir("src"), s.mkdir("dst")
	s.mount(kernel.MountRequest{Type: "nullfs", From: src, Path: dst})
	id := s.jail("kerneltest", kernel.String("path", dst))
	s.refuses(s.Kernel.Unmount(s.ctx, dst, 0), syscall.EBUSY, "")
	s.ok(s.Kernel.JailRemove(s.ctx, id))
	s.eventually("unmount", func() string {
		if err := s.Kernel.Unmount(s.ctx, dst, 0); err != nil {
			return err.Error()
		}
		return ""
	})
}

func mountDevfs(s *suite) {
	dev := s.mkdir("dev")
	for _, req := range []kernel.MountRequest{devfs(dev, "60001"), devfs(dev, "0"), {Type: "devfs", Path: dev}} {
		_, err := s.Kernel.Nmount(s.ctx, req)
		s.fails(err, kernel.ErrEmptyRuleset)
		if _, ok := s.at(dev); ok {
			s.Fatal("refused and mounted")
		}
	}
	s.ruleset(rulesetA, kernel.DevfsRule{Hide: true}, kernel.DevfsRule{Path: "null", Unhide: true})
	m := s.mount(devfs(dev, "60001"))
	equal(s, "type", m.Type, "devfs")
	s.ok(s.Kernel.DevfsApply(s.ctx, dev, rulesetA))
	s.ok(s.Kernel.UnmountFSID(s.ctx, m.FSID, 0))
	req := kernel.MountRequest{Type: "devfs", Path: dev, AllowEmptyRuleset: true}
	s.mount(req)
}

func mountOthers(s *suite) {
	for _, fs := range []string{"tmpfs", "fdescfs", "procfs"} {
		dir := s.mkdir(fs)
		m := s.mount(kernel.MountRequest{Type: fs, From: fs, Path: dir, Below: s.Dir})
		equal(s, "type", m.Type, fs)
		equal(s, "path", m.Path, dir)
	}
	sized := s.mkdir("sized")
	s.mount(kernel.MountRequest{Type: "tmpfs", Path: sized, Options: []kernel.MountOption{{Name: "size", Value: "1m"}, {Name: "mode", Value: "1777"}}})
}
