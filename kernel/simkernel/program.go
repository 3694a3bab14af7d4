package simkernel

import (
	"context"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/libioc/go-libioc/kernel"
)

// PID is the process id.
func (p *Process) PID() int { return p.proc.PID }

// User is the effective user id.
func (p *Process) User() uint32 { return p.proc.User }

// Dir is the working directory as the process sees it.
func (p *Process) Dir() string {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	dir := strings.TrimPrefix(p.proc.cwd.path(), strings.TrimSuffix(p.proc.root.path(), "/"))
	return path.Join("/", dir)
}

// Getenv is the value of an environment variable, or "".
func (p *Process) Getenv(name string) string { return getenv(p.Env, name, "") }

// Sysctl reads a node as the process sees it.
func (p *Process) Sysctl(name string) (string, error) {
	return p.proc.view.SysctlString(context.Background(), name)
}

// ReadFile reads a file as the process sees it: below its jail's root, through
// the mount table.
func (p *Process) ReadFile(name string) ([]byte, error) {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	return p.k.readFile(p.proc.root, p.proc.cwd, name)
}

// WriteFile writes a file as the process sees it; a read-only mount is EROFS.
func (p *Process) WriteFile(name string, data []byte, perm os.FileMode) error {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	if at, _, e := p.k.lookupPath(p.proc.root, p.proc.cwd, name, true); e == 0 && at.m.Type == "devfs" && at.rel == "/null" {
		return nil
	}
	file, err := p.k.resolveWrite(p.proc.root, p.proc.cwd, name)
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, perm)
}

// ReadDir lists a directory as the process sees it, sorted. In procfs and
// fdescfs there is nothing to list.
func (p *Process) ReadDir(name string) ([]string, error) {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	at, info, e := p.k.lookupPath(p.proc.root, p.proc.cwd, name, true)
	if e != 0 {
		return nil, pathError("open", name, e)
	}
	if !info.IsDir() {
		return []string{path.Base(name)}, nil
	}
	return p.k.readDir(at)
}

// Sleep waits on the kernel's clock; false means that the process was killed
// meanwhile.
func (p *Process) Sleep(d time.Duration) bool {
	return p.k.clock.Sleep(p.proc.ctx, d) == nil
}

// Trap catches a signal, SIGKILL excepted, which then does not end the process.
// Signals that arrive while one is pending are lost.
func (p *Process) Trap(signal int) <-chan int {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	ch := make(chan int, 1)
	p.proc.traps[signal] = ch
	return ch
}

// Start starts another program in the background: in the same process group, or
// with daemon in one of its own, which outlives the command that Run started.
func (p *Process) Start(daemon bool, argv ...string) (pid int, err error) {
	q, err := p.spawn(daemon, argv)
	if err != nil {
		return 0, err
	}
	return q.PID, nil
}

// Run runs another program and waits for its end.
func (p *Process) Run(argv ...string) (kernel.Exit, error) {
	q, err := p.spawn(false, argv)
	if err != nil {
		return kernel.Exit{}, err
	}
	<-q.done
	return q.exit(), nil
}

func (p *Process) spawn(daemon bool, argv []string) (*proc, error) {
	k := p.k
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(argv) == 0 {
		return nil, &kernel.CallError{Op: "execve", Errno: syscall.EINVAL, Msg: "no program"}
	}
	if p.proc.pr.parent != nil && !p.proc.pr.alive() || p.proc.ctx.Err() != nil {
		return nil, &kernel.CallError{Op: "fork", Subject: argv[0], Errno: syscall.EAGAIN, Msg: "the process is ending"}
	}
	prog, e := k.findProgram(p.proc.root, p.proc.cwd, argv[0], p.Env, p.proc.pr.parent != nil)
	if e != 0 {
		return nil, pathError("execve", argv[0], e)
	}
	q := &proc{pr: p.proc.pr, view: p.proc.view, root: p.proc.root, cwd: p.proc.cwd, program: prog, group: p.proc.group}
	q.User = p.proc.User
	if daemon {
		q.group = nil
	}
	sp := &Process{Argv: argv, Env: p.Env, Jail: p.Jail, Stdin: p.Stdin, Stdout: p.Stdout, Stderr: p.Stderr}
	k.procs.start(q, sp)
	return q, k.commit()
}

// Signal sends a signal to another process of the same jail or one below it.
func (p *Process) Signal(pid, signal int) error {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	q := p.k.procs.byPID[pid]
	if q == nil || q.pr != p.proc.pr && !q.pr.below(p.proc.pr) {
		return &kernel.CallError{Op: "kill", Errno: syscall.ESRCH, Err: kernel.ErrNotFound}
	}
	q.kill(signal)
	return nil
}
