package kerneltest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/libioc/go-libioc/kernel"
)

// Env is a kernel under test and where the suite may work.
type Env struct {
	Kernel kernel.Kernel
	// Dir is an empty directory, as an absolute path of the kernel under test.
	Dir string
	// OnDisk is the real file behind a path of the kernel under test; nil when
	// they are the same.
	OnDisk func(path string) string
	// Root makes a jail's root below dir, in which /bin/sh, /bin/echo, /bin/cat,
	// /bin/sleep, /bin/pwd, /bin/kill and /usr/bin/env or /bin/env run. nil uses
	// HostRoot.
	Root func(t *testing.T, e Env, dir string) string
}

// disk is the real file behind a path.
func (e Env) disk(p string) string {
	if e.OnDisk == nil {
		return p
	}
	return e.OnDisk(p)
}

// suite is the state of one case.
type suite struct {
	Env
	*testing.T
	ctx  context.Context
	f    kernel.Features
	is15 bool
}

// testCase is one case of the suite.
type testCase struct {
	name string
	need func(kernel.Features) (missing string)
	run  func(s *suite)
}

func needVIMAGE(f kernel.Features) string {
	if !f.VIMAGE {
		return "VIMAGE"
	}
	return ""
}

func needRACCT(f kernel.Features) string {
	if !f.RACCT {
		return "kern.racct.enable=1"
	}
	return ""
}

func needNoRACCT(f kernel.Features) string {
	if f.RACCT {
		return "kern.racct.enable=0"
	}
	return ""
}

// Run runs every case as a subtest. open is called once for each of them.
func Run(t *testing.T, open func(t *testing.T) Env) {
	for _, area := range []struct {
		name  string
		cases []testCase
	}{
		{"Kernel", kernelCases},
		{"Jails", jailCases},
		{"Mounts", mountCases},
		{"Rulesets", rulesetCases},
		{"Limits", limitCases},
		{"Network", networkCases},
		{"Firewall", firewallCases},
		{"Processes", processCases},
		{"Modules", moduleCases},
	} {
		for _, c := range area.cases {
			t.Run(area.name+"/"+c.name, func(t *testing.T) {
				e := open(t)
				s := &suite{Env: e, T: t, ctx: t.Context()}
				var err error
				if s.f, err = e.Kernel.Features(s.ctx); err != nil {
					t.Fatal(err)
				}
				s.is15 = s.f.OSRelDate >= 1500000
				if c.need != nil {
					if missing := c.need(s.f); missing != "" {
						t.Skipf("this kernel lacks %s", missing)
					}
				}
				before := s.state()
				t.Cleanup(func() { // runs behind the cleanups of the case
					if t.Failed() {
						return
					}
					s.ctx = context.Background()
					s.eventually("the machine is as before", func() string { return differ(before, s.state()) })
				})
				c.run(s)
			})
		}
	}
}

// state lists all that a case might leave.
func (s *suite) state() []string {
	s.Helper()
	k := s.Kernel
	var out []string
	for p, err := range k.JailList(s.ctx, kernel.JailDying, "dying") {
		s.ok(err)
		if !p.Bool("dying") || strings.HasPrefix(p.String("name"), "kerneltest") { // others may end at any time
			out = append(out, "jail "+p.String("name"))
		}
	}
	table, err := k.Getfsstat(s.ctx)
	s.ok(err)
	for _, m := range table {
		out = append(out, "mount "+m.Type+" "+m.Path)
	}
	ifs, err := k.Interfaces(s.ctx)
	s.ok(err)
	for _, i := range ifs {
		out = append(out, fmt.Sprintf("interface %s %s %v", i.Name, i.Description, i.Groups))
	}
	sets, err := k.DevfsRulesets(s.ctx)
	s.ok(err)
	for _, n := range sets {
		rules, err := k.DevfsRules(s.ctx, n)
		s.ok(err)
		out = append(out, fmt.Sprintf("ruleset %d with %d rules", n, len(rules)))
	}
	if s.f.RACCT {
		rules, err := k.RctlGetRules(s.ctx, "jail")
		s.ok(err)
		for _, r := range rules {
			out = append(out, "rule "+r)
		}
	}
	slices.Sort(out)
	return out
}

func differ(before, after []string) string {
	var b strings.Builder
	for _, x := range after {
		if !slices.Contains(before, x) {
			b.WriteString("left over: " + x + "\n")
		}
	}
	for _, x := range before {
		if !slices.Contains(after, x) {
			b.WriteString("gone: " + x + "\n")
		}
	}
	return b.String()
}

// eventually waits up to ten seconds until check says nothing more.
func (s *suite) eventually(what string, check func() string) {
	s.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		complaint := check()
		if complaint == "" {
			return
		}
		if time.Now().After(deadline) {
			s.Fatalf("%s: %s", what, complaint)
		}
	}
}

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// fails wants an error that is all of the targets.
func (s *suite) fails(err error, targets ...error) {
	s.Helper()
	if err == nil {
		s.Fatalf("no error, want %v", targets)
	}
	for _, want := range targets {
		if !errors.Is(err, want) {
			s.Fatalf("got %v, want %v", err, want)
		}
	}
}

// refuses wants an errno and, unless it is empty, the kernel's message.
func (s *suite) refuses(err error, errno syscall.Errno, msg string) {
	s.Helper()
	s.fails(err, errno)
	var je *kernel.JailError
	var ce *kernel.CallError
	got := ""
	switch {
	case errors.As(err, &je):
		got = je.Msg
	case errors.As(err, &ce):
		got = ce.Msg
	default:
		s.Fatalf("%v is neither a JailError nor a CallError", err)
	}
	if msg != "" && got != msg {
		s.Fatalf("message %q, want %q", got, msg)
	}
}

func equal[T comparable](s *suite, what string, got, want T) {
	s.Helper()
	if got != want {
		s.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// mkdir makes a directory below Dir and returns its path.
func (s *suite) mkdir(name string) string {
	s.Helper()
	p := path.Join(s.Dir, name)
	s.ok(os.MkdirAll(s.disk(p), 0o755))
	return p
}

func (s *suite) file(name, text string) string {
	s.Helper()
	p := path.Join(s.mkdir(""), name)
	s.ok(os.WriteFile(s.disk(p), []byte(text), 0o644))
	return p
}

// jail makes a persistent jail and removes it at the end of the case.
func (s *suite) jail(name string, params ...kernel.Param) kernel.Identity {
	s.Helper()
	if _, ok := kernel.Params(params).Raw("path"); !ok {
		params = append(params, kernel.String("path", s.mkdir("root")))
	}
	params = append([]kernel.Param{kernel.String("name", name), kernel.Bool("persist", true)}, params...)
	_, err := s.Kernel.JailSet(s.ctx, kernel.JailCreate, params...)
	s.ok(err)
	id, err := s.Kernel.JailIdentify(s.ctx, 0, kernel.ByName(name))
	s.ok(err)
	s.Cleanup(func() {
		err := s.Kernel.JailRemove(context.Background(), id)
		if err != nil && !errors.Is(err, kernel.ErrNotFound) && !errors.Is(err, kernel.ErrStale) {
			s.Error(err)
		}
	})
	return id
}

// mount mounts and unmounts at the end of the case.
func (s *suite) mount(req kernel.MountRequest) kernel.Mounted {
	s.Helper()
	m, err := s.Kernel.Nmount(s.ctx, req)
	s.ok(err)
	s.Cleanup(func() {
		deadline := time.Now().Add(10 * time.Second)
		for {
			err := s.Kernel.UnmountFSID(context.Background(), m.FSID, 0)
			if err == nil || errors.Is(err, kernel.ErrNotFound) {
				return
			}
			if time.Now().After(deadline) {
				s.Error(err)
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	return m
}

// HostRoot makes a jail's root of the host's own /bin, /lib, /libexec, /usr/bin
// and /usr/lib, mounted read-only with nullfs.
func HostRoot(t *testing.T, e Env, dir string) string {
	t.Helper()
	s := &suite{Env: e, T: t, ctx: context.Background()}
	for _, d := range []string{"bin", "lib", "libexec", "usr/bin", "usr/lib"} {
		target := path.Join(dir, d)
		s.ok(os.MkdirAll(e.disk(target), 0o755))
		s.mount(kernel.MountRequest{Type: "nullfs", From: "/" + d, Path: target, Below: dir, Flags: kernel.MntRdOnly})
	}
	s.ok(os.MkdirAll(e.disk(path.Join(dir, "etc")), 0o755))
	for _, name := range []string{"passwd", "group", "pwd.db", "spwd.db"} {
		data, err := os.ReadFile("/etc/" + name) // getpwnam(3) reads the databases
		s.ok(err)
		s.ok(os.WriteFile(e.disk(path.Join(dir, "etc", name)), data, 0o600))
	}
	return dir
}

// StubRoot makes a jail's root of files that a simulated kernel runs as its own programs.
func StubRoot(t *testing.T, e Env, dir string) string {
	t.Helper()
	for _, name := range []string{"sh", "echo", "cat", "sleep", "pwd", "kill", "env", "true", "false"} {
		p := e.disk(path.Join(dir, "bin", name))
		if err := os.MkdirAll(path.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte("#!sim "+name+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// root is a jail's root with programs.
func (s *suite) root() string {
	s.Helper()
	dir := s.mkdir("root")
	if s.Env.Root == nil {
		return HostRoot(s.T, s.Env, dir)
	}
	return s.Env.Root(s.T, s.Env, dir)
}
