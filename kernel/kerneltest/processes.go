package kerneltest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/libioc/go-libioc/kernel"
)

var processCases = []testCase{
	{name: "on the host", run: runHost},
	{name: "in a jail", run: runJail},
	{name: "exit status and signal", run: runExit},
	{name: "standard streams", run: runStreams},
	{name: "directory and environment", run: runPlace},
	{name: "what is missing", run: runMissing},
	{name: "context ends", run: runContext},
	{name: "list, signal and wait", run: runList},
	{name: "list of all", run: runListAll},
	{name: "started", run: runStarted},
	{name: "removal kills", run: runRemoved},
	{name: "processes keep a jail", run: runKeeps},
}

var path0 = []string{"PATH=/bin:/usr/bin"}

// command runs argv in a jail and returns what it wrote.
func (s *suite) command(id kernel.Identity, argv ...string) (kernel.Exit, string, error) {
	var out bytes.Buffer
	e, err := s.Kernel.Run(s.ctx, kernel.Command{Jail: id, Argv: argv, Env: path0, Stdout: &out, Stderr: &out})
	return e, out.String(), err
}

func runHost(s *suite) {
	e, out, err := s.command(kernel.Identity{}, "/bin/echo", "hello")
	s.ok(err)
	equal(s, "output", out, "hello\n")
	equal(s, "success", e.Success(), true)
	_, err = s.Kernel.Run(s.ctx, kernel.Command{Argv: []string{"/nosuch/kerneltest"}})
	s.fails(err, syscall.ENOENT, kernel.ErrNotFound)
	if _, err = s.Kernel.Run(s.ctx, kernel.Command{}); err == nil {
		s.Error("ran nothing")
	}
}

func runJail(s *suite) {
	id := s.jail("kerneltest", kernel.String("path", s.root()))
	for _, argv := range [][]string{{"/bin/echo", "in", "jail"}, {"echo", "in", "jail"}} {
		e, out, err := s.command(id, argv...)
		s.ok(err)
		equal(s, "output", out, "in jail\n")
		equal(s, "success", e.Success(), true)
	}
}

func runExit(s *suite) {
	id := s.jail("kerneltest", kernel.String("path", s.root()))
	for script, want := range map[string]kernel.Exit{
		"exit 0": {}, "exit 7": {Code: 7}, "exit 255": {Code: 255},
		"kill -9 $$": {Code: -1, Signal: 9}, "kill -15 $$": {Code: -1, Signal: 15},
	} {
		e, out, err := s.command(id, "sh", "-c", script)
		s.ok(err)
		if e != want {
			s.Errorf("%s: %+v, want %+v (%q)", script, e, want, out)
		}
	}
}

func runStreams(s *suite) {
	id := s.jail("kerneltest", kernel.String("path", s.root()))
	var out, errs bytes.Buffer
	e, err := s.Kernel.Run(s.ctx, kernel.Command{
		Jail: id, Argv: []string{"cat"}, Env: path0, Stdin: strings.NewReader("one\ntwo\n"), Stdout: &out, Stderr: &errs,
	})
	s.ok(err)
	equal(s, "success", e.Success(), true)
	equal(s, "standard output", out.String(), "one\ntwo\n")
	equal(s, "standard error", errs.String(), "")
	e, err = s.Kernel.Run(s.ctx, kernel.Command{Jail: id, Argv: []string{"cat", "/nosuchfile"}, Env: path0, Stdout: &out, Stderr: &errs})
	s.ok(err)
	equal(s, "status", e.Code, 1)
	if !strings.Contains(errs.String(), "No such file or directory") {
		s.Errorf("standard error %q", errs.String())
	}
	e, err = s.Kernel.Run(s.ctx, kernel.Command{Jail: id, Argv: []string{"cat"}, Env: path0}) // stdin is empty, output is dropped
	s.ok(err)
	equal(s, "success", e.Success(), true)
}

func runPlace(s *suite) {
	root := s.root()
	s.mkdir("root/some/where")
	id := s.jail("kerneltest", kernel.String("path", root))
	var out bytes.Buffer
	_, err := s.Kernel.Run(s.ctx, kernel.Command{Jail: id, Argv: []string{"pwd"}, Env: path0, Stdout: &out})
	s.ok(err)
	_, err = s.Kernel.Run(s.ctx, kernel.Command{Jail: id, Argv: []string{"pwd"}, Env: path0, Dir: "/some/where", Stdout: &out})
	s.ok(err)
	equal(s, "directories", out.String(), "/\n/some/where\n")
	out.Reset()
	_, err = s.Kernel.Run(s.ctx, kernel.Command{Jail: id, Argv: []string{"env"}, Env: append([]string{"KT_ONE=1", "KT_TWO=a b"}, path0...), Stdout: &out})
	s.ok(err)
	for _, want := range []string{"KT_ONE=1\n", "KT_TWO=a b\n"} {
		if !strings.Contains(out.String(), want) {
			s.Errorf("%q is not in %q", want, out.String())
		}
	}
}

func runMissing(s *suite) {
	id := s.jail("kerneltest", kernel.String("path", s.root()))
	e, out, err := s.command(id, "/nosuch/cmd")
	s.fails(err, syscall.ENOENT, kernel.ErrNotFound)
	equal(s, "status", e.Code, 1)
	equal(s, "message", out, "jexec: execvp: /nosuch/cmd: No such file or directory\n")
	var text bytes.Buffer
	e, err = s.Kernel.Run(s.ctx, kernel.Command{Jail: id, Argv: []string{"echo"}, Env: path0, User: "nosuchuser", Stderr: &text})
	s.fails(err, kernel.ErrNotFound)
	equal(s, "status", e.Code, 1)
	equal(s, "message", text.String(), "jexec: nosuchuser: no such user\n")
	s.ok(s.Kernel.JailRemove(s.ctx, id))
	_, _, err = s.command(id, "echo")
	s.fails(err, kernel.ErrNotFound)
}

func runContext(s *suite) {
	id := s.jail("kerneltest", kernel.String("path", s.root()))
	for _, delay := range []time.Duration{0, 5 * time.Second} {
		ctx, cancel := context.WithTimeout(s.ctx, 300*time.Millisecond)
		began := time.Now()
		_, err := s.Kernel.Run(ctx, kernel.Command{Jail: id, Argv: []string{"sleep", "60"}, Env: path0, KillDelay: delay})
		cancel()
		s.fails(err, context.DeadlineExceeded)
		if d := time.Since(began); d > 4*time.Second {
			s.Fatalf("it took %v to end", d)
		}
		s.eventually("the process is gone", func() string {
			procs, err := s.Kernel.ProcessList(s.ctx, id.JID)
			s.ok(err)
			if len(procs) > 0 {
				return procs[0].Command
			}
			return ""
		})
	}
}

// background runs sleep(1) in the jail; the channel reports how it ended.
func (s *suite) background(id kernel.Identity) (kernel.Process, <-chan kernel.Exit) {
	s.Helper()
	done := make(chan kernel.Exit, 1)
	go func() {
		e, err := s.Kernel.Run(context.WithoutCancel(s.ctx), kernel.Command{Jail: id, Argv: []string{"sleep", "60"}, Env: path0})
		if err != nil {
			s.Error(err)
		}
		done <- e
	}()
	var p kernel.Process
	s.eventually("sleep runs", func() string {
		procs, err := s.Kernel.ProcessList(s.ctx, id.JID)
		s.ok(err)
		for _, p = range procs {
			if p.Command == "sleep" {
				return ""
			}
		}
		return "it is not listed"
	})
	return p, done
}

func runList(s *suite) {
	id := s.jail("kerneltest", kernel.String("path", s.root()))
	p, done := s.background(id)
	equal(s, "jid", p.JID, id.JID)
	if p.PID <= 0 || p.Start.IsZero() || time.Since(p.Start) > time.Hour {
		s.Fatalf("%+v", p)
	}
	ctx, cancel := context.WithTimeout(s.ctx, 50*time.Millisecond)
	defer cancel()
	s.fails(s.Kernel.ProcessWait(ctx, []kernel.Process{p}), context.DeadlineExceeded)
	stale := p
	stale.Start = stale.Start.Add(-time.Hour)
	s.fails(s.Kernel.ProcessSignal(s.ctx, stale, 15), kernel.ErrStale)
	s.ok(s.Kernel.ProcessSignal(s.ctx, p, 0))
	s.ok(s.Kernel.ProcessSignal(s.ctx, p, 15))
	s.ok(s.Kernel.ProcessWait(s.ctx, []kernel.Process{p}))
	equal(s, "exit", <-done, kernel.Exit{Code: -1, Signal: 15})
	s.fails(s.Kernel.ProcessSignal(s.ctx, p, 15), kernel.ErrStale)
	s.ok(s.Kernel.ProcessWait(s.ctx, []kernel.Process{p}))
}

// runListAll: the list of all has each process once: those of a jail as ProcessList
// gives them, and those of the host, such as the test's own.
func runListAll(s *suite) {
	root := s.root()
	ids := []kernel.Identity{
		s.jail("kerneltest", kernel.String("path", root)),
		s.jail("kerneltest2", kernel.String("path", root)),
		s.jail("kerneltest3", kernel.String("path", root)),
	}
	var running []kernel.Process
	var ends []<-chan kernel.Exit
	for _, id := range ids[:2] {
		p, done := s.background(id)
		running, ends = append(running, p), append(ends, done)
	}
	ctx, cancel := context.WithCancel(s.ctx)
	onHost, ended := make(chan kernel.Process, 1), make(chan error, 1)
	go func() {
		_, err := s.Kernel.Run(ctx, kernel.Command{
			Argv: []string{"sleep", "60"}, Env: path0, Started: func(p kernel.Process) error { onHost <- p; return nil },
		})
		ended <- err
	}()
	host := <-onHost
	all, err := s.Kernel.ProcessListAll(s.ctx)
	s.ok(err)
	count := func(wanted func(kernel.Process) bool) (n int) {
		for _, p := range all {
			if wanted(p) {
				n++
			}
		}
		return n
	}
	for i, id := range ids {
		list, err := s.Kernel.ProcessList(s.ctx, id.JID)
		s.ok(err)
		equal(s, "processes in "+id.Name, len(list), map[bool]int{true: 1, false: 0}[i < len(running)])
		equal(s, "listed of "+id.Name, count(func(p kernel.Process) bool { return p.JID == id.JID }), len(list))
		for _, p := range list {
			equal(s, "as in its own list", count(func(q kernel.Process) bool { return q == p }), 1)
		}
	}
	equal(s, "of the host", count(func(p kernel.Process) bool { return p.PID == host.PID && p.JID == 0 }), 1)
	cancel()
	s.fails(<-ended, context.Canceled)
	for i, p := range running {
		s.ok(s.Kernel.ProcessSignal(s.ctx, p, 9))
		<-ends[i]
	}
}

// runStarted: the process that Run reports leads its group, is listed as the same when
// the command runs, in the jail as on the host, and is ended if it cannot be noted down.
func runStarted(s *suite) {
	id := s.jail("kerneltest", kernel.String("path", s.root()))
	for _, in := range []kernel.Identity{{}, id} {
		var started kernel.Process
		ctx, cancel := context.WithCancel(s.ctx)
		ended := make(chan error, 1)
		told := make(chan struct{})
		go func() {
			_, err := s.Kernel.Run(ctx, kernel.Command{
				Jail: in, Argv: []string{"sh", "-c", "sleep 60; true"}, Env: path0,
				Started: func(p kernel.Process) error {
					started = p
					close(told)
					return nil
				},
			})
			ended <- err
		}()
		<-told
		if started.PID <= 0 || started.Group != started.PID || started.JID != in.JID || time.Since(started.Start).Abs() > time.Hour {
			s.Errorf("%+v", started)
		}
		s.eventually("sleep runs in the group of sh", func() string {
			list, err := s.Kernel.ProcessList(s.ctx, in.JID)
			s.ok(err)
			var names []string
			for _, p := range list {
				if p.Group == started.Group {
					names = append(names, p.Command)
				}
				if p.PID == started.PID && !p.Start.Equal(started.Start) {
					return "it began at another time"
				}
			}
			if !slices.Contains(names, "sh") || !slices.Contains(names, "sleep") {
				return "the group has " + strings.Join(names, " ")
			}
			return ""
		})
		cancel()
		s.fails(<-ended, context.Canceled)

		refused := errors.New("the disk is full")
		_, err := s.Kernel.Run(s.ctx, kernel.Command{
			Jail: in, Argv: []string{"sleep", "60"}, Env: path0,
			Started: func(p kernel.Process) error { started = p; return refused },
		})
		s.fails(err, refused)
		s.eventually("what was not noted down is ended", func() string {
			list, err := s.Kernel.ProcessList(s.ctx, in.JID)
			s.ok(err)
			if slices.ContainsFunc(list, func(p kernel.Process) bool { return p.Group == started.Group }) {
				return "it runs"
			}
			return ""
		})
	}
}

func runRemoved(s *suite) {
	id := s.jail("kerneltest", kernel.String("path", s.root()))
	p, done := s.background(id)
	s.ok(s.Kernel.JailRemove(s.ctx, id))
	equal(s, "exit", <-done, kernel.Exit{Code: -1, Signal: 9})
	s.ok(s.Kernel.ProcessWait(s.ctx, []kernel.Process{p}))
}

func runKeeps(s *suite) {
	id := s.jail("kerneltest", kernel.String("path", s.root()))
	p, done := s.background(id)
	s.ok(s.set("kerneltest", kernel.Bool("persist", false)))
	got := s.get("kerneltest", "dying", "persist")
	equal(s, "dying", got.Bool("dying"), false)
	equal(s, "persist", got.Bool("persist"), false)
	s.ok(s.Kernel.ProcessSignal(s.ctx, p, 9))
	<-done
	s.eventually("the jail ends with its last process", func() string {
		_, err := s.Kernel.JailIdentify(s.ctx, kernel.JailDying, kernel.ByJID(id.JID))
		if errors.Is(err, kernel.ErrNotFound) {
			return ""
		}
		return "it is there"
	})
}
