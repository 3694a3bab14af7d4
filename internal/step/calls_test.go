package step_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/zfsstore"
)

var errCall = errors.New("call failed")

// stepRow is a step on a host of its own.
type stepRow struct {
	name  string
	setup func(t testing.TB, h *simhost.Host)
	make  func(t testing.TB, h *simhost.Host) plan.Action[step.Env]
}

// madeBy is the operation of these steps.
const madeBy = "ioc/jail/web 1"

// TestCallsFail lets each call fail that a step makes of ZFS and the kernel, in Do and in
// Undo. The step says so, or does without it. A step with a way back leaves the host as
// it was, once what is left has been resumed, and also when it is killed after a call;
// another ends where it ends without failure.
func TestCallsFail(t *testing.T) {
	for _, row := range stepRows() {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			h := row.host(t)
			before := look(t, h)
			a := row.make(t, h)
			if _, ok := a.(plan.Undoer[step.Env]); !ok {
				row.onward(t)
				return
			}
			ran := runStep(t, h, a, trouble{})
			require.NoError(t, ran.err)
			require.Empty(t, difference(before, look(t, h)), "undone")
			for _, undo := range []bool{false, true} {
				for sim, n := range ran.calls[undo] {
					for k := 1; k <= n; k++ {
						ran := runStep(t, h, row.make(t, h), trouble{sim: sim, nth: k, undo: undo})
						require.Empty(t, difference(before, look(t, h)), "undo %v, call %d of %s: %v", undo, k, sim, ran.err)
						if undo {
							continue
						}
						ran = runStep(t, h, row.make(t, h), trouble{sim: sim, nth: k, crash: true})
						require.Empty(t, difference(before, look(t, h)), "crash after call %d of %s: %v", k, sim, ran.err)
					}
				}
			}
		})
	}
}

// onward is for a step that has no way back: each failure has a host of its own.
func (row stepRow) onward(t *testing.T) {
	h := row.host(t)
	before := look(t, h)
	ran := runStep(t, h, row.make(t, h), trouble{})
	require.NoError(t, ran.err)
	after := look(t, h)
	for sim, n := range ran.calls[false] {
		for k := 1; k <= n; k++ {
			h := row.host(t)
			a := row.make(t, h)
			ran := runStep(t, h, a, trouble{sim: sim, nth: k})
			now := look(t, h)
			if _, leaves := a.(step.DropBase); leaves && ran.err == nil && difference(before, now) == "" {
				continue // rather than to fail
			}
			if ran.err == nil || ran.resumed {
				require.Empty(t, difference(after, now), "call %d of %s: %v", k, sim, ran.err)
				continue
			}
			require.ErrorIs(t, ran.err, errCall, "call %d of %s", k, sim)
			if difference(before, now) != "" {
				require.Empty(t, difference(after, now), "call %d of %s: %v", k, sim, ran.err)
			}
		}
	}
}

func (row stepRow) host(t testing.TB) *simhost.Host {
	h := sharingHost(t)
	for _, a := range []act{scratch("web", plain()), dataset(shared, map[string]string{"jailed": "on"})} {
		_, err := a.run(t.Context(), t, h)
		require.NoError(t, err)
	}
	jailtest.WriteRoot(t, h, "web", "bin/sh")
	if row.setup != nil {
		row.setup(t, h)
	}
	return h
}

// trouble is which call of which simulator fails: of ZFS or the kernel, in Do or in Undo.
// A crash comes once the call is done.
type trouble struct {
	sim   string
	nth   int
	undo  bool
	crash bool
}

// outcome is what became of a step: its error, whether something was left that a second
// run has done, and how many calls it made, in Do and in Undo.
type outcome struct {
	err     error
	resumed bool
	calls   map[bool]map[string]int
}

// stage is a plan of one step about the jail web, with its journal.
type stage struct {
	runner plan.Runner[step.Env]
	env    step.Env
	boot   string
	path   string
	op     *events.Operation
	span   *events.Span
	undoes bool
	onward bool // the step comes after the commit point
}

func newStage(t testing.TB, h *simhost.Host) *stage {
	s := &stage{
		runner: plan.Runner[step.Env]{Kinds: plan.NewKinds(step.Kinds()...)},
		env: step.Env{Host: h.Host, Name: "web", Run: &step.Run{
			Environ: func(context.Context, bool) ([]string, error) { return []string{"IOC_NAME=web"}, nil },
		}},
		path: filepath.Join(t.TempDir(), "journal"),
		op:   events.NewOperation(events.Options{}),
	}
	s.span = s.op.Begin(events.JailStart{Jail: "web"})
	var err error
	s.boot, err = h.Kernel.BootID(t.Context())
	require.NoError(t, err)
	return s
}

// run runs a step, with a fault at each point. One that has an undo can be undone.
func (s *stage) run(t testing.TB, a action, at func(plan.Point) error) error {
	p := plan.Plan{Operation: "test", Subject: "web", Steps: []plan.Step{plan.StepOf(a)}}
	if _, s.undoes = a.(plan.Undoer[step.Env]); s.undoes && !s.onward {
		p.Commit = 1
	}
	j, err := plan.Create(s.path, plan.Header{Key: "web", Boot: s.boot, Plan: p})
	require.NoError(t, err)
	return s.runner.Run(plan.WithFault(t.Context(), at), s.env, j, s.span)
}

// left reports whether the journal is still there.
func (s *stage) left() bool {
	_, err := os.Lstat(s.path)
	return !errors.Is(err, fs.ErrNotExist)
}

// resume finishes or undoes what the journal says.
func (s *stage) resume(t testing.TB) error {
	j, err := plan.Open(s.path)
	require.NoError(t, err)
	_, err = s.runner.Resume(t.Context(), s.env, j, s.boot, s.span)
	return err
}

// told ends the operation and returns its events.
func (s *stage) told(t testing.TB) (all []events.IocEvent) {
	s.span.Done("")
	require.NoError(t, s.op.Close(nil))
	for e := range s.op.Events() {
		all = append(all, e)
	}
	return all
}

// runStep runs one step, as the only one of a plan. One with an undo is undone.
func runStep(t testing.TB, h *simhost.Host, a action, w trouble) (out outcome) {
	s := newStage(t, h)
	out.calls = map[bool]map[string]int{}
	restore := func() {}
	at := func(point plan.Point) error {
		undo := point.Phase == "undo" || point.Phase == "undone"
		if point.Phase == "do" || point.Phase == "undo" {
			h.ZFS.ForgetCalls()
			h.Sim.ResetCalls()
			f := fault.Fault{Nth: w.nth, Err: errCall}
			if w.crash {
				f.Err, f.After = plan.ErrCrash, true
			}
			if w.nth > 0 && w.undo == undo {
				if restore = h.Sim.Fail(t, f); w.sim == "zfs" {
					restore()
					restore = h.ZFS.Fail(t, f)
				}
			}
			return nil
		}
		restore()
		out.calls[undo] = map[string]int{"zfs": len(h.ZFS.Calls()), "kernel": len(h.Sim.Calls())}
		if s.undoes && !undo {
			return errInjected
		}
		return nil
	}
	out.err = s.run(t, a, at)
	restore()
	if s.undoes {
		require.Error(t, out.err)
		if w.nth == 0 && out.err.Error() == errInjected.Error() {
			out.err = nil
		}
	}
	if s.left() {
		out.resumed = true
		require.NoError(t, s.resume(t), "resumed after %v", out.err)
	}
	return out
}

func guid(t testing.TB, h *simhost.Host, name string) uint64 {
	d, err := h.ZFS.Get(t.Context(), name, zfsstore.GetOptions{})
	require.NoError(t, err)
	return d.GUID
}
