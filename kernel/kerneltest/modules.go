package kerneltest

import (
	"slices"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

var moduleCases = []testCase{
	{name: "loaded already", run: func(s *suite) {
		for _, name := range []string{"tmpfs", "nullfs.ko"} {
			s.ok(s.Kernel.ModuleLoad(s.ctx, name))
			loaded, err := s.Kernel.ModuleLoaded(s.ctx, name)
			s.ok(err)
			equal(s, name, loaded, true)
		}
	}},
	{name: "not there", run: func(s *suite) {
		loaded, err := s.Kernel.ModuleLoaded(s.ctx, "kerneltest_no_module")
		s.ok(err)
		equal(s, "loaded", loaded, false)
		s.fails(s.Kernel.ModuleLoad(s.ctx, "kerneltest_no_module"), syscall.ENOENT, kernel.ErrNotFound)
	}},
	{name: "not a name", run: func(s *suite) {
		for _, name := range []string{"", "/boot/kernel/tmpfs.ko", "../tmpfs", "tmp\x00fs"} {
			s.fails(s.Kernel.ModuleLoad(s.ctx, name), syscall.EINVAL)
		}
	}},
	{name: "brings its parameter", run: func(s *suite) {
		const param = "allow.mount.fusefs"
		equal(s, "module", kernel.ParamModule(param), "fusefs")
		s.ok(s.Kernel.ModuleLoad(s.ctx, kernel.ParamModule(param)))
		loaded, err := s.Kernel.ModuleLoaded(s.ctx, "fusefs")
		s.ok(err)
		equal(s, "loaded", loaded, true)
		list, err := s.Kernel.JailParams(s.ctx)
		s.ok(err)
		there := slices.ContainsFunc(list, func(p kernel.ParamInfo) bool { return p.Name == param })
		equal(s, param+" is there", there, true)
		id := s.jail("kerneltest", kernel.String("path", s.mkdir("d")), kernel.Bool("allow.mount", true), kernel.Bool(param, true))
		p, err := s.Kernel.JailGet(s.ctx, 0, kernel.ByJID(id.JID), param)
		s.ok(err)
		equal(s, param, p.Bool(param), true)
	}},
}
