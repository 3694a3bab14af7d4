package simkernel

import (
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
	"github.com/libioc/go-libioc/kernel/internal/tooltext"
)

// Program is a scripted process. It returns its exit status; ctx ends when a
// signal kills it, and the program then has to return.
type Program func(ctx context.Context, p *Process) int

// Process is a process as its [Program] sees it.
//
// A scripted program, one of Options.Programs, needs no file: its name is enough.
//
// The other programs are true, false, echo, printf, test, cat, sleep, sh (with -c,
// or a script such as /etc/rc: simple commands, ";", "&&", "||", "&"),
// freebsd-version, env, id, hostname, ls, pwd and kill; /etc/rc and
// /etc/rc.shutdown succeed. In a jail their file must exist. If it is a text that
// begins with "#!sim NAME", the program NAME runs; otherwise the one that has the
// file's base name. Without any file sh has the builtins ":", true, false, echo,
// printf, test, "[", cd, pwd, exec, exit and wait.
type Process struct {
	Argv   []string
	Env    []string
	Jail   kernel.Identity // zero on the host
	FIB    int             // routing table, 0 on the host
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer

	k    *machine
	proc *proc
}

// proc is a process in the table.
type proc struct {
	kernel.Process
	pr      *prison
	view    *view
	root    place
	cwd     place
	group   *proc // leader, itself perhaps
	program Program
	ctx     context.Context
	cancel  context.CancelFunc
	traps   map[int]chan int
	signal  int
	code    int
	done    chan struct{}
}

type procs struct {
	k     *machine
	byPID map[int]*proc
	last  int
}

func (t *procs) init(k *machine) { *t = procs{k: k, byPID: map[int]*proc{}, last: 600} }

func (t *procs) uses(m *mount) bool {
	for _, p := range t.byPID {
		if p.cwd.m == m || p.root.m == m {
			return true
		}
	}
	return false
}

func (t *procs) in(covers func(string) bool) bool {
	for _, p := range t.byPID {
		if p.pr.parent != nil && (covers(p.cwd.path()) || covers(p.root.path())) {
			return true
		}
	}
	return false
}

func (t *procs) signalJail(pr *prison, sig int) {
	for _, p := range t.byPID {
		if p.pr == pr {
			p.kill(sig)
		}
	}
}

// rekey follows a dying jail that gets another jid.
func (t *procs) rekey(pr *prison, jid int) {
	for _, p := range t.byPID {
		if p.pr == pr {
			p.JID = jid
		}
	}
}

func (t *procs) killAll() []*proc {
	var all []*proc
	for _, p := range t.byPID {
		p.kill(9)
		all = append(all, p)
	}
	return all
}

// killing are the signals whose default is to end the process, in FreeBSD's
// numbers.
var killing = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 30, 31}

// kill posts a signal; the table is locked.
func (p *proc) kill(sig int) {
	if ch := p.traps[sig]; ch != nil && sig != 9 {
		select {
		case ch <- sig:
		default: // one is pending already, as with sigaction(2)
		}
		return
	}
	if p.signal == 0 && slices.Contains(killing, sig) {
		p.signal = sig
		p.cancel()
	}
}

// start puts a process into the table and runs it.
func (t *procs) start(p *proc, sp *Process) {
	for {
		if t.last++; t.last > 99999 {
			t.last = 100
		}
		if t.byPID[t.last] == nil {
			break
		}
	}
	p.PID, p.JID, p.Start = t.last, p.pr.JID, t.k.clock.Now()
	p.Command = path.Base(sp.Argv[0])
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.done = make(chan struct{})
	p.traps = map[int]chan int{}
	if p.group == nil {
		p.group = p
	}
	p.Group = p.group.PID
	t.byPID[p.PID] = p
	if p.pr.parent != nil {
		p.pr.Procs++
		t.k.dirty.put(p.pr.key(), p.pr)
	}
	sp.k, sp.proc = t.k, p
	k := t.k
	go func() {
		code := p.program(p.ctx, sp)
		k.mu.Lock()
		p.code = code
		p.cancel()
		if k.procs.byPID[p.PID] == p {
			delete(k.procs.byPID, p.PID)
			if p.pr.parent != nil && !p.pr.gone {
				p.pr.Procs--
				k.dirty.put(p.pr.key(), p.pr)
				k.jails.settle(p.pr)
			}
			_ = k.commit() // an error cannot be returned when a process ends
		}
		k.mu.Unlock()
		close(p.done)
	}()
}

func (p *proc) exit() kernel.Exit {
	if p.signal != 0 {
		return kernel.Exit{Code: -1, Signal: p.signal}
	}
	return kernel.Exit{Code: p.code & 0xff}
}

// Run implements [kernel.Processes].
func (v *view) Run(ctx context.Context, cmd kernel.Command) (kernel.Exit, error) {
	var p *proc
	var refusal string // of jexec(8)
	sp := &Process{Argv: cmd.Argv, Env: cmd.Env, Jail: cmd.Jail, FIB: cmd.FIB}
	sp.Stdin, sp.Stdout, sp.Stderr = stdio(cmd)
	if !cmd.Jail.IsZero() {
		if err := precheck.FIB(ctx, v, cmd); err != nil {
			return kernel.Exit{}, err
		}
	}
	var started kernel.Process
	err := v.do(ctx, OpRun, program(cmd), strings.TrimSpace(cmd.Jail.Name+" "+strings.Join(cmd.Argv, " ")), func() error {
		if len(cmd.Argv) == 0 || cmd.Argv[0] == "" {
			return &kernel.CallError{Op: "run", Errno: syscall.EINVAL, Msg: "no program"}
		}
		view := v
		if !cmd.Jail.IsZero() {
			named := cmd.Jail
			named.Name = v.fullName(named.Name)
			pr, err := v.s.jails.check("jexec", named)
			switch {
			case err != nil:
				return &kernel.CallError{Op: "run", Subject: cmd.Jail.String(), Msg: err.Error(), Err: errors.Join(kernel.ErrNotFound, err)}
			case !pr.alive() || !pr.below(v.me):
				return &kernel.CallError{Op: "run", Subject: cmd.Jail.String(), Errno: syscall.ENOENT, Msg: "the jail has ended", Err: kernel.ErrNotFound}
			}
			view = v.s.view(pr, nil)
		}
		v.s.calls.forked()
		var err error
		if p, refusal, err = view.newProc(cmd); p != nil {
			v.s.procs.start(p, sp)
			started = p.Process
		}
		return err
	})
	if err != nil {
		return kernel.Exit{}, err
	}
	if p == nil {
		if _, err := io.WriteString(sp.Stderr, refusal); err != nil {
			return kernel.Exit{Code: 1}, err
		}
		return kernel.Exit{Code: 1}, tooltext.JexecError(cmd, kernel.Exit{Code: 1}, refusal)
	}
	if cmd.Started != nil {
		if err := cmd.Started(started); err != nil {
			now, cancel := context.WithCancel(ctx)
			cancel()
			exit, _ := v.wait(now, p, 0)
			return exit, err
		}
	}
	return v.wait(ctx, p, cmd.KillDelay)
}

// Wait waits for the process; when the context ends first its group is killed.
func (v *view) wait(ctx context.Context, p *proc, delay time.Duration) (kernel.Exit, error) {
	select {
	case <-p.done:
		return p.exit(), nil
	case <-ctx.Done():
	}
	group := func(sig int) []*proc {
		v.s.mu.Lock()
		defer v.s.mu.Unlock()
		var all []*proc
		for _, q := range v.s.procs.byPID {
			if q.group == p {
				q.kill(sig)
				all = append(all, q)
			}
		}
		return all
	}
	if delay > 0 {
		group(15)
		t := time.NewTimer(delay)
		select {
		case <-p.done:
		case <-t.C:
		}
		t.Stop()
	}
	for _, q := range group(9) {
		<-q.done
	}
	<-p.done
	return p.exit(), ctx.Err()
}

// stdio returns the streams of a command; equal writers share one lock.
func stdio(cmd kernel.Command) (io.Reader, io.Writer, io.Writer) {
	in, out, errw := cmd.Stdin, cmd.Stdout, cmd.Stderr
	if cmd.Terminal != nil {
		in, out, errw = cmd.Terminal, cmd.Terminal, cmd.Terminal
	}
	if in == nil {
		in = strings.NewReader("")
	}
	one := &lockedWriter{w: out}
	if sameWriter(out, errw) {
		return in, one, one
	}
	return in, one, &lockedWriter{w: errw}
}

func sameWriter(a, b io.Writer) (same bool) {
	defer func() { _ = recover() }() // writers that cannot be compared differ
	return a == b
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	if l.w == nil {
		return len(b), nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// ProcessList implements [kernel.Processes].
func (v *view) ProcessList(ctx context.Context, jid int) ([]kernel.Process, error) {
	return v.processes(ctx, "jid="+strconv.Itoa(jid), func(p *proc) bool { return p.pr.JID == jid })
}

// ProcessListAll implements [kernel.Processes].
func (v *view) ProcessListAll(ctx context.Context) ([]kernel.Process, error) {
	return v.processes(ctx, "", func(*proc) bool { return true })
}

// processes reads the process table, which a jail sees a part of.
func (v *view) processes(ctx context.Context, args string, wanted func(*proc) bool) (out []kernel.Process, err error) {
	err = v.do(ctx, OpProcessList, "kern.proc.proc", args, func() error {
		for _, p := range v.s.procs.byPID {
			if wanted(p) && (p.pr == v.me || p.pr.below(v.me)) {
				out = append(out, p.Process)
			}
		}
		slices.SortFunc(out, func(a, b kernel.Process) int { return a.PID - b.PID })
		return nil
	})
	return out, err
}

func (t *procs) same(p kernel.Process) *proc {
	if q := t.byPID[p.PID]; q != nil && q.Start.Equal(p.Start) {
		return q
	}
	return nil
}

// program names a command in errors.
func program(cmd kernel.Command) string {
	if len(cmd.Argv) == 0 {
		return ""
	}
	return cmd.Argv[0]
}

func pid(p kernel.Process) string { return "pid " + strconv.Itoa(p.PID) }

// ProcessSignal implements [kernel.Processes].
func (v *view) ProcessSignal(ctx context.Context, p kernel.Process, signal int) error {
	return v.do(ctx, OpProcessSignal, pid(p), p.Command, func() error {
		q := v.s.procs.same(p)
		if q == nil {
			return refusal.Kill("kill", pid(p), syscall.ESRCH)
		}
		if signal < 0 || signal > 128 {
			return refusal.Kill("kill", pid(p), syscall.EINVAL)
		}
		q.kill(signal)
		return nil
	})
}

// ProcessWait implements [kernel.Processes].
func (v *view) ProcessWait(ctx context.Context, procs []kernel.Process) error {
	var wait []*proc
	if err := v.do(ctx, OpProcessWait, "", "", func() error {
		for _, p := range procs {
			if q := v.s.procs.same(p); q != nil {
				wait = append(wait, q)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for _, q := range wait {
		select {
		case <-q.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
