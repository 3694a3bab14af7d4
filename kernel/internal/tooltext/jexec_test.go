package tooltext

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

func TestJexecArgs(t *testing.T) {
	jail := kernel.Identity{JID: 7, Name: "a"}
	for _, c := range []struct {
		what string
		cmd  kernel.Command
		argv []string // the wrapper's text is left out
		env  []string
	}{
		{
			"plain", kernel.Command{Jail: jail, Argv: []string{"ls", "-l"}, Env: []string{"A=1"}},
			[]string{"/usr/sbin/jexec", "7", "ls", "-l"}, []string{"A=1"},
		},
		{
			"the directory that jexec changes to anyway", kernel.Command{Jail: jail, Argv: []string{"ls"}, Dir: "/"},
			[]string{"/usr/sbin/jexec", "7", "ls"}, nil,
		},
		{
			"directory", kernel.Command{Jail: jail, Argv: []string{"ls"}, Dir: "/a b", Env: []string{"A=it's"}},
			[]string{"/usr/sbin/jexec", "7", "/bin/sh", "-c", "sh", "/a b", "ls"},
			[]string{"GO_LIBIOC_ENV=export A='it'\\''s'\n"},
		},
		{
			"user", kernel.Command{Jail: jail, Argv: []string{"id"}, User: "www"},
			[]string{"/usr/sbin/jexec", "-U", "www", "7", "/bin/sh", "-c", "sh", "/", "id"}, []string{"GO_LIBIOC_ENV="},
		},
		{
			"variables of the loader must not reach jexec itself", kernel.Command{Jail: jail, Argv: []string{"id"}, Env: []string{"LD_PRELOAD=/x.so"}},
			[]string{"/usr/sbin/jexec", "7", "/bin/sh", "-c", "sh", "/", "id"}, []string{"GO_LIBIOC_ENV=export LD_PRELOAD='/x.so'\n"},
		},
	} {
		argv, env, err := JexecArgs(c.cmd)
		argv = slices.DeleteFunc(argv, func(s string) bool { return s == wrapper })
		if err != nil || !slices.Equal(argv, c.argv) || !slices.Equal(env, c.env) {
			t.Errorf("%s: %q %q %v", c.what, argv, env, err)
		}
	}
	for _, cmd := range []kernel.Command{
		{Jail: jail, Argv: []string{"id"}, User: "-l"},
		{Jail: jail, Argv: []string{"id"}, User: "www", Env: []string{"a.b=1"}},
		{Jail: jail, Argv: []string{"id"}, Dir: "/x", Env: []string{"nothing"}},
	} {
		if _, _, err := JexecArgs(cmd); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%+v: %v", cmd, err)
		}
	}
}

// TestJexecError uses the lines that jexec(8) of 13.2 and 15.1 was recorded to
// print.
func TestJexecError(t *testing.T) {
	cmd := kernel.Command{Jail: kernel.Identity{JID: 4711, Name: "j1"}, Argv: []string{"x"}}
	for _, c := range []struct {
		stderr string
		code   int
		want   []error
		text   string
	}{
		{"jexec: jail \"nosuch\" not found\n", 1, []error{kernel.ErrNotFound, syscall.ENOENT}, "not found"},
		{"jexec: jail 4711 not found\n", 1, []error{kernel.ErrNotFound}, "jail_attach j1 (jid 4711)"},
		{"jexec: jail 4711 is dying\n", 1, []error{kernel.ErrNotFound, kernel.ErrDying}, ""},
		{"jexec: jail_attach(4711): Invalid argument\n", 1, []error{kernel.ErrNotFound, syscall.EINVAL}, "ended"},
		{"jexec: jail_attach(4711): Operation not permitted\n", 1, []error{syscall.EPERM}, ""},
		{"jexec: execvp: /nosuch/cmd: No such file or directory\n", 1, []error{kernel.ErrNotFound, syscall.ENOENT}, "execvp /nosuch/cmd"},
		{"jexec: execvp: /x: Permission denied (the file: is marked (twice))\n", 1, []error{syscall.EACCES}, "the file: is marked (twice)"},
		{"jexec: jail_attach(4711): Invalid argument (errno 22 category 4 (src sys/kern/kern_jail.c:1) p1 0 p2 0)\n", 1, []error{kernel.ErrNotFound, syscall.EINVAL}, "ended"},
		{"jexec: execvp: a (b): No such file or directory\n", 1, []error{syscall.ENOENT}, "execvp a (b)"},
		{"jexec: x (y): no such user\n", 1, []error{kernel.ErrNotFound}, "x (y)"},
		{"jexec: execvp: a: b: No such file or directory\n", 1, []error{syscall.ENOENT}, "execvp a: b"},
		{"jexec: execvp: /etc/passwd: Permission denied\n", 1, []error{syscall.EACCES}, ""},
		{"jexec: chdir: /nosuch: No such file or directory\n", 1, []error{kernel.ErrNotFound}, "chdir /nosuch"},
		{"jexec: getpwnam: nosuchuser: No such file or directory\n", 1, []error{kernel.ErrNotFound, syscall.ENOENT}, "nosuchuser"},
		{"jexec: nosuchuser: no such user\n", 1, []error{kernel.ErrNotFound}, "nosuchuser"},
		{"jexec: setusercontext: Operation not permitted\n", 1, []error{syscall.EPERM}, ""},
		{"jexec: execvp: /x: No such file or directory\n", 2, nil, ""},
		{"jexec: execvp: /x: No such file or directory", 1, nil, ""},
		{"noise\njexec: jail 1 not found\n", 1, nil, ""},
		{"ls: /x: No such file or directory\n", 1, nil, ""},
		{"", 1, nil, ""},
	} {
		err := JexecError(cmd, kernel.Exit{Code: c.code}, c.stderr)
		if (err == nil) != (c.want == nil) {
			t.Errorf("%q: %v", c.stderr, err)
			continue
		}
		for _, want := range c.want {
			if !errors.Is(err, want) {
				t.Errorf("%q is not %v: %v", c.stderr, want, err)
			}
		}
		if err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%q: %v", c.stderr, err)
		}
	}
}

func FuzzJexecError(f *testing.F) {
	f.Add("jexec: execvp: /x: No such file or directory\n", 1)
	f.Add("jexec: jail 1 not found\n", 1)
	f.Add("jexec: : \n", 1)
	f.Fuzz(func(t *testing.T, text string, code int) {
		err := JexecError(kernel.Command{}, kernel.Exit{Code: code}, text)
		if err != nil && (code != 1 || !strings.HasPrefix(text, "jexec: ") || err.Error() == "") {
			t.Errorf("%q, %d: %v", text, code, err)
		}
	})
}
