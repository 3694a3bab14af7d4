//go:build freebsd || linux || darwin

package freebsd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/tooltext"
)

func runSh(t *testing.T, ctx context.Context, script string, change func(*kernel.Command)) (kernel.Exit, string, string, error) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := kernel.Command{Argv: []string{"/bin/sh", "-c", script}, Env: []string{"PATH=/bin:/usr/bin"}, Stdout: &out, Stderr: &errs}
	if change != nil {
		change(&cmd)
	}
	exit, err := runOnHost(ctx, cmd)
	return exit, out.String(), errs.String(), err
}

func TestRunOnHost(t *testing.T) {
	ctx := context.Background()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, script string
		change       func(*kernel.Command)
		exit         kernel.Exit
		out, errs    string
	}{
		{"status", "exit 7", nil, kernel.Exit{Code: 7}, "", ""},
		{"signal", "kill -9 $$", nil, kernel.Exit{Code: -1, Signal: 9}, "", ""},
		{"two streams", "echo a; echo b >&2", nil, kernel.Exit{}, "a\n", "b\n"},
		{"input", "cat", func(c *kernel.Command) { c.Stdin = strings.NewReader("in") }, kernel.Exit{}, "in", ""},
		{"no input is /dev/null", "cat", nil, kernel.Exit{}, "", ""},
		{"directory", "pwd", func(c *kernel.Command) { c.Dir = dir }, kernel.Exit{}, dir + "\n", ""},
		{"no directory is /", "pwd", nil, kernel.Exit{}, "/\n", ""},
		{"input that never ends", "exit 3", func(c *kernel.Command) { r, _ := io.Pipe(); c.Stdin = r }, kernel.Exit{Code: 3}, "", ""},
		{"output discarded", "echo a", func(c *kernel.Command) { c.Stdout = nil }, kernel.Exit{}, "", ""},
		{"own process group", `test "$(ps -o pgid= -p $$ | tr -d ' ')" = $$`, nil, kernel.Exit{}, "", ""},
	} {
		exit, out, errs, err := runSh(t, ctx, c.script, c.change)
		if err != nil || exit != c.exit || out != c.out || errs != c.errs {
			t.Errorf("%s: %+v %q %q %v", c.what, exit, out, errs, err)
		}
	}
}

func TestRunEnvironmentIsExactlyWhatWasAsked(t *testing.T) {
	t.Setenv("GO_LIBIOC_LEAK", "1")
	var out bytes.Buffer
	for _, env := range [][]string{nil, {"A=1", "B=x=y z"}} {
		out.Reset()
		exit, err := runOnHost(context.Background(), kernel.Command{Argv: []string{"env"}, Env: env, Stdout: &out})
		want := strings.Join(env, "\n")
		if err != nil || !exit.Success() || strings.TrimSpace(out.String()) != want {
			t.Errorf("%q: %q %+v %v", env, out.String(), exit, err)
		}
	}
}

func TestRunLooksUpThePathOfEnv(t *testing.T) {
	dir := t.TempDir()
	script := []byte("#!/bin/sh\necho mine\n")
	if err := os.WriteFile(filepath.Join(dir, "ls"), script, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "plain"), script, 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	env := []string{"PATH=" + dir + ":/bin"}
	if _, err := runOnHost(context.Background(), kernel.Command{Argv: []string{"ls"}, Env: env, Stdout: &out}); err != nil || out.String() != "mine\n" {
		t.Errorf("%q %v", out.String(), err)
	}
	for name, want := range map[string]error{"nosuch-program": syscall.ENOENT, "plain": syscall.EACCES, "./nosuch": syscall.ENOENT, "/nosuch/x": syscall.ENOENT} {
		_, err := runOnHost(context.Background(), kernel.Command{Argv: []string{name}, Env: env})
		var call *kernel.CallError
		if !errors.Is(err, want) || !errors.As(err, &call) || call.Op != "execve" {
			t.Errorf("%s: %v", name, err)
		}
		if (want == syscall.ENOENT) != errors.Is(err, kernel.ErrNotFound) {
			t.Errorf("%s: ErrNotFound in %v", name, err)
		}
	}
	_, err := runOnHost(context.Background(), kernel.Command{Argv: []string{"/bin/ls"}, Dir: "/nosuch"})
	var call *kernel.CallError
	if !errors.As(err, &call) || call.Op != "chdir" || !errors.Is(err, kernel.ErrNotFound) {
		t.Errorf("missing directory: %v", err)
	}
	if _, err := runOnHost(context.Background(), kernel.Command{}); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("no program: %v", err)
	}
}

// slowWriter takes its time, which must not cut the output short.
type slowWriter struct{ bytes.Buffer }

func (w *slowWriter) Write(b []byte) (int, error) {
	time.Sleep(2 * time.Millisecond)
	return w.Buffer.Write(b)
}

func TestRunOutputIsComplete(t *testing.T) {
	const size = 3 << 20
	var out slowWriter
	exit, _, _, err := runSh(t, context.Background(), "head -c 3145728 /dev/zero; echo end", func(c *kernel.Command) { c.Stdout = &out })
	if err != nil || !exit.Success() || out.Len() != size+4 || !strings.HasSuffix(out.String(), "end\n") {
		t.Errorf("%d bytes, %+v, %v", out.Len(), exit, err)
	}
}

// TestRunOneWriterKeepsTheOrder: equal writers get one pipe.
func TestRunOneWriterKeepsTheOrder(t *testing.T) {
	var out bytes.Buffer
	_, _, _, err := runSh(t, context.Background(), "for i in 1 2 3 4 5; do echo o$i; echo e$i >&2; done", func(c *kernel.Command) { c.Stdout, c.Stderr = &out, &out })
	if want := "o1\ne1\no2\ne2\no3\ne3\no4\ne4\no5\ne5\n"; err != nil || out.String() != want {
		t.Errorf("%q %v", out.String(), err)
	}
}

func TestRunDoesNotWaitForADaemon(t *testing.T) {
	start := time.Now()
	exit, out, _, err := runSh(t, context.Background(), "sleep 20 & echo $!", nil)
	if err != nil || !exit.Success() {
		t.Errorf("%+v %v", exit, err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("waited %v for a process left behind", took)
	}
	var pid int
	for _, c := range strings.TrimSpace(out) {
		pid = pid*10 + int(c-'0')
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Errorf("the daemon was not left running: %v", err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestRunTellsAWriterThatFails(t *testing.T) {
	exit, _, _, err := runSh(t, context.Background(), "head -c 300000 /dev/zero; exit 4", func(c *kernel.Command) { c.Stdout = failingWriter{} })
	if !errors.Is(err, io.ErrClosedPipe) || exit.Code != 4 {
		t.Errorf("%+v %v", exit, err)
	}
}

func TestRunEndsTheWholeGroup(t *testing.T) {
	for _, c := range []struct {
		what, script string
		delay        time.Duration
		signal       int
		code         int
		out          string
	}{
		{"at once", "sleep 30 & sleep 30", 0, 9, -1, ""},
		{"gently", "trap 'echo bye; exit 5' TERM; sleep 30 & wait", 20 * time.Second, 0, 5, "bye\n"},
		{"not willing", "trap '' TERM; sleep 30; sleep 30", 200 * time.Millisecond, 9, -1, ""},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		start := time.Now()
		file := filepath.Join(t.TempDir(), "pid")
		exit, out, _, err := runSh(t, ctx, "echo $$ >"+file+"; "+c.script, func(cmd *kernel.Command) { cmd.KillDelay = c.delay })
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || exit.Signal != c.signal || exit.Code != c.code || out != c.out {
			t.Errorf("%s: %+v %q %v", c.what, exit, out, err)
		}
		if took := time.Since(start); took > 15*time.Second {
			t.Errorf("%s: took %v", c.what, took)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pid := 0
		for _, d := range strings.TrimSpace(string(text)) {
			pid = pid*10 + int(d-'0')
		}
		// The orphans are reaped by init, which may take a moment.
		gone := false
		for range 100 {
			if gone = syscall.Kill(-pid, 0) == syscall.ESRCH; gone {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if left, _ := exec.Command("ps", "-A", "-o", "pgid=,stat=,args=").Output(); !gone && slices.ContainsFunc(strings.Split(string(left), "\n"), func(line string) bool {
			f := strings.Fields(line)
			return len(f) > 1 && f[0] == strconv.Itoa(pid) && f[1][0] != 'Z'
		}) {
			t.Errorf("%s: the group lives on", c.what)
		}
	}
}

// TestRunEndsALeaderThatLeftItsGroup: a program that had moved to another process group
// got no signal, and Run waited for it until it ended by itself.
func TestRunEndsALeaderThatLeftItsGroup(t *testing.T) {
	if os.Getenv("LEAVE_GROUP") != "" {
		child := exec.Command("/bin/sleep", "30")
		child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := errors.Join(child.Start(), syscall.Setpgid(0, child.Process.Pid)); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString(strconv.Itoa(child.Process.Pid) + "\n")
		time.Sleep(30 * time.Second)
		return
	}
	for _, delay := range []time.Duration{0, 20 * time.Second} {
		ctx, cancel := context.WithCancel(t.Context())
		left := &firstWrite{then: cancel}
		begin := time.Now()
		_, err := runOnHost(ctx, kernel.Command{
			Argv: []string{os.Args[0], "-test.run=^" + t.Name() + "$"}, Env: []string{"LEAVE_GROUP=1"},
			Stdout: left, KillDelay: delay,
		})
		cancel()
		if took := time.Since(begin); !errors.Is(err, context.Canceled) || took > 15*time.Second {
			t.Errorf("%v: after %v: %v, %q", delay, took, err, left.text)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(left.text)))
		if err != nil {
			t.Fatal(err)
		}
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// firstWrite calls then after its first write.
type firstWrite struct {
	text []byte
	then func()
}

func (w *firstWrite) Write(p []byte) (int, error) {
	w.text = append(w.text, p...)
	w.then()
	return len(p), nil
}

// TestRunDoesNotWaitForAProcessThatHangs: a process that SIGKILL does not end, because it
// hangs in the kernel, was waited for without a limit.
func TestRunDoesNotWaitForAProcessThatHangs(t *testing.T) {
	c := exec.Command("/bin/sh", "-c", "exit 0") // already waited for: no signal reaches anybody
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		if endGroup(c.Process, time.Second, make(chan error)) {
			t.Error("waited for a process that did not end")
		}
	})
}

func TestRunCancelledBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	file := filepath.Join(t.TempDir(), "ran")
	if _, _, _, err := runSh(t, ctx, "touch "+file, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("it ran")
	}
}

// TestWrapper runs the shell lines of commands in a jail on this host: the
// environment and directory must be exactly those asked for, whatever jexec -U
// had set before.
func TestWrapper(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"A=it's", "B=two\nlines", "PATH=/bin:/usr/bin", "dir=kept", "e=kept", "l=kept", "OPT=-n $HOME `id`"}
	argv, given, err := tooltext.JexecArgs(kernel.Command{Jail: kernel.Identity{JID: 1}, Argv: []string{"sh", "-c", "pwd; env -0"}, Dir: dir, Env: env})
	if err != nil {
		t.Fatal(err)
	}
	given = append(given, "HOME=/root", "USER=root", "MAIL=/var/mail/root\nexport PATH=/evil", "BLOCKSIZE=K")
	run := func(argv, env []string) (kernel.Exit, string, string) {
		var out, errs bytes.Buffer
		exit, err := runOnHost(context.Background(), kernel.Command{Argv: argv[2:], Env: env, Stdout: &out, Stderr: &errs})
		if err != nil {
			t.Fatal(err)
		}
		return exit, out.String(), errs.String()
	}
	if _, err := exec.LookPath("env"); err != nil {
		t.Skip("no env(1) here")
	}
	// The inner shell adds variables of its own, so env is asked without one.
	argv[len(argv)-3], argv[len(argv)-2] = "env", "-0"
	argv = argv[:len(argv)-1]
	exit, out, errs := run(argv, given)
	got := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	slices.Sort(got)
	want := slices.Clone(env)
	slices.Sort(want)
	if !exit.Success() || errs != "" || !slices.Equal(got, want) {
		t.Errorf("%+v %q\n got %q\nwant %q", exit, errs, got, want)
	}
	for what, c := range map[string]struct{ dir, program, want string }{
		"directory":   {dir + "/nosuch", "env", "jexec: chdir: " + dir + "/nosuch: No such file or directory\n"},
		"program":     {dir, "nosuch-program", "jexec: execvp: nosuch-program: No such file or directory\n"},
		"path":        {dir, "/nosuch/x", "jexec: execvp: /nosuch/x: No such file or directory\n"},
		"not for you": {dir, "/etc/passwd", "jexec: execvp: /etc/passwd: Permission denied\n"},
	} {
		argv, env, err := tooltext.JexecArgs(kernel.Command{Jail: kernel.Identity{JID: 1}, Argv: []string{c.program}, Dir: c.dir})
		if err != nil {
			t.Fatal(err)
		}
		if exit, out, errs := run(argv, env); exit.Code != 1 || out != "" || errs != c.want {
			t.Errorf("%s: %+v %q %q", what, exit, out, errs)
		}
	}
	argv, given, _ = tooltext.JexecArgs(kernel.Command{Jail: kernel.Identity{JID: 1}, Argv: []string{"pwd"}, Dir: dir})
	if _, out, _ := run(argv, given); out != dir+"\n" {
		t.Errorf("directory %q", out)
	}
}

// TestRunReportsWhatItStarted: nobody could end a hook whose program had been killed, for
// the pid of the group was in that program only.
func TestRunReportsWhatItStarted(t *testing.T) {
	var started kernel.Process
	_, out, _, err := runSh(t, t.Context(), "echo $$", func(c *kernel.Command) {
		c.Started = func(p kernel.Process) error { started = p; return nil }
	})
	if err != nil || strconv.Itoa(started.PID)+"\n" != out || started.Group != started.PID {
		t.Errorf("%+v, it says %q: %v", started, out, err)
	}
	full, begin := errors.New("the disk is full"), time.Now()
	exit, _, _, err := runSh(t, t.Context(), "sleep 60 & wait", func(c *kernel.Command) {
		c.Started = func(p kernel.Process) error { started = p; return full }
	})
	if !errors.Is(err, full) || exit.Signal != int(syscall.SIGKILL) || time.Since(begin) > 30*time.Second {
		t.Errorf("not noted down, it ended after %v with %+v: %v", time.Since(begin), exit, err)
	}
}
