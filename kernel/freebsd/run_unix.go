//go:build freebsd || linux || darwin

package freebsd

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
	"github.com/libioc/go-libioc/kernel/internal/tooltext"
)

// killLimit is how long a process may take to end after SIGKILL.
const killLimit = 10 * time.Second

// drainGrace is how long a pipe may stay silent after the command has ended
// before it is taken to be held open by a daemon that the command left behind.
const drainGrace = 100 * time.Millisecond

// drainMost is how much is read after the end: more than any pipe holds, so all
// that the command wrote has come by then even if a daemon goes on writing.
const drainMost = 4 << 20

// runOnHost runs a command on the host; cmd.Jail is ignored.
func runOnHost(ctx context.Context, cmd kernel.Command) (kernel.Exit, error) {
	if len(cmd.Argv) == 0 || cmd.Argv[0] == "" {
		return kernel.Exit{}, &kernel.CallError{Op: "execve", Errno: syscall.EINVAL, Msg: "no program named"}
	}
	dir := cmd.Dir
	if dir == "" {
		dir = "/"
	}
	path, err := findProgram(cmd.Argv[0], cmd.Env, dir)
	if err != nil {
		return kernel.Exit{}, err
	}
	attr := &syscall.SysProcAttr{}
	if cmd.User != "" {
		if attr.Credential, err = credentialOf(cmd.User); err != nil {
			return kernel.Exit{}, err
		}
	}
	return runGroup(ctx, cmd, &exec.Cmd{
		Path: path, Args: cmd.Argv, Dir: dir, SysProcAttr: attr,
		Env: append([]string{}, cmd.Env...), // nil would be the caller's own
	})
}

// findProgram does what execvp(3) does, with the command's PATH instead of the
// caller's.
func findProgram(name string, env []string, dir string) (string, error) {
	missing := &kernel.CallError{Op: "execve", Subject: name, Errno: syscall.ENOENT, Err: kernel.ErrNotFound}
	if strings.Contains(name, "/") {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		return path, nil
	}
	search := tooltext.DefaultPath
	for _, v := range env {
		if s, ok := strings.CutPrefix(v, "PATH="); ok {
			search = s
		}
	}
	for _, folder := range filepath.SplitList(search) {
		if folder == "" {
			folder = "."
		}
		if !filepath.IsAbs(folder) {
			folder = filepath.Join(dir, folder)
		}
		path := filepath.Join(folder, name)
		st, err := os.Stat(path)
		switch {
		case err != nil || st.IsDir():
		case st.Mode()&0o111 == 0:
			missing.Errno, missing.Err = syscall.EACCES, nil
		default:
			return path, nil
		}
	}
	return "", missing
}

// credentialOf looks a user of the host up. The kernel takes the first of the
// groups for the effective one, setgroups(2), so the user's own comes first.
func credentialOf(name string) (*syscall.Credential, error) {
	unknown := &kernel.CallError{Op: "setuid", Subject: name, Msg: "no such user", Err: kernel.ErrNotFound}
	u, err := user.Lookup(name)
	if err != nil {
		if !errors.As(err, new(user.UnknownUserError)) {
			unknown.Msg, unknown.Err = err.Error(), nil
		}
		return nil, unknown
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		unknown.Msg, unknown.Err = err.Error(), nil
		return nil, unknown
	}
	c := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: []uint32{uint32(gid)}}
	groups, err := u.GroupIds()
	if err != nil {
		unknown.Msg, unknown.Err = err.Error(), nil
		return nil, unknown
	}
	for _, g := range groups {
		if n, err := strconv.ParseUint(g, 10, 32); err == nil && uint32(n) != c.Gid {
			c.Groups = append(c.Groups, uint32(n))
		}
	}
	return c, nil
}

// runGroup starts a program as leader of its own process group, passes its
// output on and waits. When the context ends first it ends the group.
func runGroup(ctx context.Context, cmd kernel.Command, c *exec.Cmd) (kernel.Exit, error) {
	if err := ctx.Err(); err != nil {
		return kernel.Exit{}, err
	}
	ends, pipes, err := connect(cmd, c)
	defer closeAll(ends) // the child's ends
	if err != nil {
		return kernel.Exit{}, err
	}
	keepOurs()
	if err := c.Start(); err != nil {
		pipes.abandon()
		return kernel.Exit{}, startError(c, err)
	}
	closeAll(ends)
	pipes.start()
	var cause error
	if cmd.Started != nil {
		cause = cmd.Started(kernel.Process{PID: c.Process.Pid, Group: c.Process.Pid, JID: cmd.Jail.JID})
	}

	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	waited, delay := true, time.Duration(0)
	if cause == nil {
		select {
		case err = <-ended:
		case <-ctx.Done():
			cause, delay = ctx.Err(), cmd.KillDelay
		}
	}
	if cause != nil {
		waited = endGroup(c.Process, delay, ended)
	}
	outErr := pipes.finish()
	switch {
	case !waited:
		return kernel.Exit{Code: -1}, cause
	case cause != nil:
		return exitOf(c.ProcessState), cause
	}
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		return kernel.Exit{}, &kernel.CallError{Op: "wait4", Subject: c.Path, Msg: err.Error()}
	}
	return exitOf(c.ProcessState), outErr
}

// endGroup ends the process group and its leader, which may have left it, gently if
// there is time. It reports whether the leader has been waited for: SIGKILL does not end
// a process that hangs in the kernel.
func endGroup(leader *os.Process, delay time.Duration, ended <-chan error) (waited bool) {
	if delay > 0 && signalGroup(leader, syscall.SIGTERM, delay, ended) {
		_ = syscall.Kill(-leader.Pid, syscall.SIGKILL) // those that the leader left
		return true
	}
	return signalGroup(leader, syscall.SIGKILL, killLimit, ended)
}

func signalGroup(leader *os.Process, signal syscall.Signal, limit time.Duration, ended <-chan error) (waited bool) {
	_ = syscall.Kill(-leader.Pid, signal)
	_ = leader.Signal(signal)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-ended:
		return true
	case <-timer.C:
		return false
	}
}

func exitOf(state *os.ProcessState) kernel.Exit {
	if state == nil {
		return kernel.Exit{Code: -1}
	}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return kernel.Exit{Code: -1, Signal: int(ws.Signal())}
	}
	return kernel.Exit{Code: state.ExitCode()}
}

// startError names what execve(2) or chdir(2) missed.
func startError(c *exec.Cmd, err error) error {
	e := callError("execve", c.Path, err)
	if _, statErr := os.Stat(c.Dir); errors.Is(statErr, fs.ErrNotExist) {
		e.Op, e.Subject = "chdir", c.Dir
	}
	return refusal.NotFound(e)
}

// connect gives the command its standard input, output and error. ends are the
// files that only the child keeps.
func connect(cmd kernel.Command, c *exec.Cmd) (ends []*os.File, p *pipes, err error) {
	p = &pipes{}
	if cmd.Terminal != nil {
		c.Stdin, c.Stdout, c.Stderr = cmd.Terminal, cmd.Terminal, cmd.Terminal
		c.SysProcAttr.Setsid, c.SysProcAttr.Setctty, c.SysProcAttr.Ctty = true, true, 0
		return nil, p, nil
	}
	c.SysProcAttr.Setpgid = true
	failed := func(err error) ([]*os.File, *pipes, error) {
		p.abandon()
		return ends, p, callError("pipe", "", err)
	}
	if f, ok := cmd.Stdin.(*os.File); ok && f != nil {
		c.Stdin = f
	} else if cmd.Stdin != nil {
		r, w, err := os.Pipe()
		if err != nil {
			return failed(err)
		}
		ends = append(ends, r)
		c.Stdin = r
		p.input, p.source = w, cmd.Stdin
	}
	output := func(w io.Writer) (io.Writer, error) {
		if f, ok := w.(*os.File); w == nil || ok && f != nil {
			return w, nil // nil is /dev/null, os/exec; a file is passed on
		}
		from, to, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		ends = append(ends, to)
		p.outputs = append(p.outputs, &outputPipe{from: from, to: w, done: make(chan struct{}), ended: make(chan struct{})})
		return to, nil
	}
	if c.Stdout, err = output(cmd.Stdout); err != nil {
		return failed(err)
	}
	if sameOutput(cmd.Stdout, cmd.Stderr) {
		c.Stderr = c.Stdout
		return ends, p, nil
	}
	if c.Stderr, err = output(cmd.Stderr); err != nil {
		return failed(err)
	}
	return ends, p, nil
}

// sameOutput reports whether two writers are equal. Some types cannot be compared.
func sameOutput(a, b io.Writer) (same bool) {
	defer func() { _ = recover() }()
	return a != nil && a == b
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// pipes are the caller's ends of a command's standard input, output and error.
type pipes struct {
	input   *os.File
	source  io.Reader
	outputs []*outputPipe
}

func (p *pipes) abandon() {
	if p.input != nil {
		p.input.Close()
	}
	for _, o := range p.outputs {
		o.from.Close()
	}
}

func (p *pipes) start() {
	if p.input != nil {
		go func() {
			defer p.input.Close()
			_, _ = io.Copy(p.input, p.source) // a command need not read it all
		}()
	}
	for _, o := range p.outputs {
		go o.copy()
	}
}

// finish returns when all output of the ended command has been passed on.
func (p *pipes) finish() error {
	if p.input != nil {
		p.input.Close() // the source may never end
	}
	var errs []error
	for _, o := range p.outputs {
		// Ends a read that waits. In this order: once copy sees the end, the
		// deadline is its own.
		_ = o.from.SetReadDeadline(time.Now())
		close(o.ended)
	}
	for _, o := range p.outputs {
		<-o.done
		o.from.Close()
		errs = append(errs, o.err)
	}
	return errors.Join(errs...)
}

// outputPipe passes on one stream.
type outputPipe struct {
	from  *os.File
	to    io.Writer
	ended chan struct{} // the command has ended
	done  chan struct{} // all is passed on
	err   error         // of to
}

func (o *outputPipe) copy() {
	defer close(o.done)
	buf := make([]byte, 32<<10)
	left := drainMost
	for left > 0 {
		over := false
		select {
		case <-o.ended:
			over = true
			_ = o.from.SetReadDeadline(time.Now().Add(drainGrace))
		default:
		}
		n, err := o.from.Read(buf)
		if over {
			left -= n
		}
		if n > 0 && o.err == nil {
			// A failing writer is reported at the end; the command must not
			// stop for it.
			_, o.err = o.to.Write(buf[:n])
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && !over {
			continue // the command has just ended: read what is left
		}
		if err != nil {
			return
		}
	}
}
