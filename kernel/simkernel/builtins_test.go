package simkernel

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/kernel"
)

// TestBuiltins runs what needs no file but sh's own.
func TestBuiltins(t *testing.T) {
	scripted := func(_ context.Context, p *Process) int {
		p.Stdout.Write([]byte("scripted " + p.Dir() + "\n"))
		return 3
	}
	s := newSim(t, Options{Programs: map[string]Program{"nofile": scripted}})
	root := s.s.opts.Root
	require.NoError(t, os.Remove(filepath.Join(root, "rel/bin/echo")))
	require.NoError(t, os.Remove(filepath.Join(root, "rel/bin/true")))
	require.NoError(t, os.WriteFile(filepath.Join(root, "j/etc/file"), []byte("x"), 0o644))
	id := newJail(t, s, "a")
	for _, c := range []struct {
		script string
		code   int
		out    string
	}{
		{"echo a  b", 0, "a b\n"},
		{"echo -n a", 0, "a"},
		{"true", 0, ""},
		{"false", 1, ""},
		{": whatever", 0, ""},
		{"exit 7; echo no", 7, ""},
		{"exec echo no", 127, "sh: echo: not found\n"},
		{"exec; echo yes", 0, "yes\n"},
		{"cd /etc && pwd", 0, "/etc\n"},
		{"cd etc; test -f file && echo yes", 0, "yes\n"},
		{"cd /nope; pwd", 0, "cd: /nope: No such file or directory\n/\n"},
		{"cd /etc/file", 2, "cd: /etc/file: Not a directory\n"},
		{"cd /etc; nofile", 3, "scripted /etc\n"},
		{"/usr/local/bin/nofile", 3, "scripted /\n"},
		{"test", 1, ""},
		{"test x", 0, ""},
		{"test ''", 1, ""},
		{"test ! x", 1, ""},
		{"[ -d /etc ]", 0, ""},
		{"[ -d /etc/file ]", 1, ""},
		{"[ -e /nope ]", 1, ""},
		{"[ ! -e /nope ]", 0, ""},
		{"[ -s /etc/file ]", 0, ""},
		{"[ -x /etc/file ]", 1, ""},
		{"[ -h /etc/file ]", 1, ""},
		{"[ -z '' ] && [ -n a ]", 0, ""},
		{"[ a = a ] && [ a != b ]", 0, ""},
		{"[ 2 -lt 10 ] && [ 2 -ge 2 ]", 0, ""},
		{"[ a -lt 10 ]", 2, "[: a: bad number\n"},
		{"[ a -foo b ]", 2, "[: -foo: unexpected operator\n"},
		{"[ a", 2, "[: missing ]\n"},
		{`printf '%s=%d\n' a 1 b 2`, 0, "a=1\nb=2\n"},
		{`printf '%5s|%-3d|%x %% %c\n' ab 7 255 xyz`, 0, "   ab|7  |ff % x\n"},
		{`printf 'a\tb\\n%b' 'c\n'`, 0, "a\tb\\nc\n"},
		{"printf %d x", 1, "printf: x: expected numeric value\n"},
		{"printf %q x", 1, "printf: illegal format character q\n"},
		{"printf %s", 0, ""},
		{"printf x y", 0, "x"},
	} {
		var out bytes.Buffer
		e, err := s.Run(t.Context(), kernel.Command{Jail: id, Argv: []string{"/bin/sh", "-c", c.script}, Env: []string{"PATH=/bin"}, Stdout: &out, Stderr: &out})
		require.NoError(t, err)
		require.Equal(t, c.code, e.Code, c.script)
		require.Equal(t, c.out, out.String(), c.script)
	}
}

// TestScriptedProgram needs no file, but one that cannot run is refused.
func TestScriptedProgram(t *testing.T) {
	s := newSim(t, Options{Programs: map[string]Program{"web": succeed}})
	id := newJail(t, s, "a")
	run := func(name string) (kernel.Exit, error) {
		return s.Run(t.Context(), kernel.Command{Jail: id, Argv: []string{name}, Env: []string{"PATH=/bin"}})
	}
	for _, name := range []string{"web", "/usr/local/sbin/web"} {
		e, err := run(name)
		require.NoError(t, err)
		require.True(t, e.Success())
	}
	require.NoError(t, os.WriteFile(filepath.Join(s.s.opts.Root, "j/etc/web"), nil, 0o644))
	_, err := run("/etc/web")
	require.ErrorContains(t, err, "permission denied")
	_, err = run("nope")
	require.ErrorIs(t, err, kernel.ErrNotFound)
}

// TestNoTemporaryFiles: the files of a tmpfs are below the kernel's root.
func TestNoTemporaryFiles(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := newSim(t, Options{})
	_, err := s.Nmount(t.Context(), kernel.MountRequest{Type: "tmpfs", Path: "/mnt"})
	require.NoError(t, err)
	file, err := s.ResolveWrite("/mnt/file")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	rel, err := filepath.Rel(s.s.opts.Root, file)
	require.NoError(t, err)
	require.Equal(t, ".scratch", filepath.Dir(filepath.Dir(rel)))
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Empty(t, left)
}
