package jail_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-multierror"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

var errInjected = errors.New("injected")

// matrix is one operation on one host, and what the world must look like: all
// of the operation or nothing of it, with the machine up or started again.
type matrix struct {
	operationRow
	h              *simhost.Host
	cases          int
	steps          []jail.PlanStep
	before, after  []string
	repaired       []string // undone, see operationRow
	rebooted, gone []string // before and after, once the machine was started again

	// The second plan of an operation that has two begins with this step. What
	// is there when it fails is halfway.
	second  int
	halfway []string
}

func newMatrix(t *testing.T, row operationRow) *matrix {
	t.Helper()
	ctx := context.Background()
	m := &matrix{operationRow: row, h: row.setup(t)}
	do := func() {
		m.ready(t, ctx, m.h)
		_, err := m.run(ctx, m.h)
		require.NoError(t, err)
	}
	do() // what only the first run does, such as filling a directory, is done now
	m.ready(t, ctx, m.h)
	m.before = world(t, m.h)
	p, err := m.plan(ctx, m.h)
	require.NoError(t, err)
	m.steps = p.Steps()
	_, err = m.run(ctx, m.h)
	require.NoError(t, err)
	m.after = world(t, m.h)
	require.NoError(t, m.h.Reboot())
	m.gone = world(t, m.h)
	m.ready(t, ctx, m.h)
	require.NoError(t, m.h.Reboot())
	m.rebooted = world(t, m.h)
	switch {
	case row.repaired != nil:
		m.ready(t, ctx, m.h)
		row.repaired(t, ctx, m.h)
		m.repaired = world(t, m.h)
	case row.repairs:
		m.repaired = m.after
	}
	m.second = len(m.steps)
	if m.halts {
		for i := 1; i < len(m.steps); i++ {
			if m.steps[i].Undo && !m.steps[i-1].Undo {
				m.second = i
			}
		}
		m.ready(t, ctx, m.h)
		down("web")(t, ctx, m.h)
		m.halfway = world(t, m.h)
	}
	return m
}

// try runs one case of the matrix as a subtest, beginning where the operation
// begins; in the short form it is every seventh case, with -short every 21st.
func (m *matrix) try(t *testing.T, name string, f func(t *testing.T, ctx context.Context)) {
	m.cases++
	if stride := 7; brief() {
		if testing.Short() {
			stride = 21
		}
		if m.cases%stride != 1 {
			return
		}
	}
	t.Run(name, func(t *testing.T) {
		ctx := context.Background()
		m.ready(t, ctx, m.h)
		requireSame(t, m.before, world(t, m.h))
		f(t, ctx)
		require.NoFileExists(t, m.h.JournalPath("ioc", "jail", "web"))
		require.NoFileExists(t, m.h.JournalPath("ioc", "jail", "second"))
	})
}

// TestFaultMatrix lets every operation fail, end and crash at every step.
func TestFaultMatrix(t *testing.T) {
	for i, row := range operations() {
		if testing.Short() && i%4 != 0 { // TestPlanIsWhatRuns has others
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			m := newMatrix(t, row)
			t.Run("failure", m.failureAtEveryStep)
			t.Run("undo", m.failureAtEveryUndo)
			t.Run("cancel", m.cancelAtEveryStep)
			t.Run("crash", m.crashAtEveryStep)
		})
	}
}

func (m *matrix) isAfter(t *testing.T) bool { return m.is(t, m.after) }

func (m *matrix) is(t *testing.T, want []string) bool {
	return fmt.Sprint(world(t, m.h)) == fmt.Sprint(want)
}

// requireBefore requires the world from before the operation; what a repair has
// changed stays, for it has no undo or one that is the same repair.
func (m *matrix) requireBefore(t *testing.T) {
	t.Helper()
	if m.repaired != nil && m.is(t, m.repaired) {
		return
	}
	requireSame(t, m.before, world(t, m.h))
}

// failureAtEveryStep fails each operation before and after each step's
// effect. Everything is exactly as it was; or, once there is no way back, as it
// is to be, after a second call at the latest. The error's first cause is the
// injected one.
func (m *matrix) failureAtEveryStep(t *testing.T) {
	for step, s := range m.steps {
		for _, phase := range []string{"do", "done"} {
			m.try(t, fmt.Sprintf("%d %s/%s", step, s.Kind, phase), func(t *testing.T, ctx context.Context) {
				was := identities(t, m.h)
				_, err := m.run(plan.WithFault(ctx, at(step, phase, errInjected)), m.h)
				requireFirstCause(t, err)
				if s.Undo {
					require.Equal(t, was, identities(t, m.h), "another jail of the same name")
				}
				if step >= m.second {
					requireSame(t, m.halfway, world(t, m.h))
					return
				}
				if s.Undo {
					m.requireBefore(t)
					return
				}
				if !m.isAfter(t) || m.unfinished() {
					_, err := m.run(ctx, m.h)
					require.NoError(t, err, "second time")
				}
				requireSame(t, m.after, world(t, m.h))
			})
		}
	}
}

// unfinished reports whether a journal is left.
func (m *matrix) unfinished() bool {
	entries, _ := os.ReadDir(m.h.JournalDir("ioc", "jail"))
	return len(entries) > 0
}

// at is a fault at one place of a run.
func at(step int, phase string, err error) func(plan.Point) error {
	begun := -1 // steps are counted over both plans of an operation that has two
	return func(p plan.Point) error {
		if p.Phase == "do" {
			begun++
		}
		index := p.Index
		if p.Phase == "do" || p.Phase == "done" {
			index = begun
		}
		if index == step && p.Phase == phase {
			return err
		}
		return nil
	}
}

func requireFirstCause(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, errInjected)
	var all *multierror.Error
	if errors.As(err, &all) {
		require.ErrorIs(t, all.Errors[0], errInjected, "first cause")
	}
}

// failureAtEveryUndo lets the last step that can be taken back fail and one
// undo as well: the other undos still run, the error names both with the first
// cause first, and Recover clears what was left.
func (m *matrix) failureAtEveryUndo(t *testing.T) {
	errUndo := errors.New("undo failed")
	last := -1
	for i, s := range m.steps[:m.second] {
		if s.Undo {
			last = i
		}
	}
	for step := 0; step <= last; step++ {
		for _, phase := range []string{"undo", "undone"} {
			m.try(t, fmt.Sprintf("%d %s/%s", step, m.steps[step].Kind, phase), func(t *testing.T, ctx context.Context) {
				tried := map[int]bool{} // one whose resource another one's left holds may fail too
				fault := func(p plan.Point) error {
					switch {
					case p.Index == last && p.Phase == "done":
						return errInjected
					case p.Phase == "undo":
						tried[p.Index] = true
					}
					return at(step, phase, errUndo)(p)
				}
				_, err := m.run(plan.WithFault(ctx, fault), m.h)
				requireFirstCause(t, err)
				require.ErrorIs(t, err, errUndo)
				for i := 0; i <= last; i++ {
					require.True(t, tried[i], "undo of step %d did not run", i)
				}
				_, err = jail.Recover(ctx, m.h.Host)
				require.NoError(t, err)
				if phase == "undo" && m.holdsShared(t, step) {
					_ = m.h.Store.Destroy(ctx, m.shared, zfsstore.DestroyOptions{Recursive: strings.Contains(m.shared, "@")})
				}
				m.requireBefore(t)
			})
		}
	}
}

// holdsShared reports whether what is for all jails cannot go when its own undo runs
// if this step's has failed: a dataset that is in it, or a clone of a snapshot.
func (m *matrix) holdsShared(t *testing.T, step int) bool {
	t.Helper()
	if m.shared == "" {
		return false
	}
	made := slices.IndexFunc(m.steps, func(s jail.PlanStep) bool { return strings.Contains(s.Detail, m.shared) })
	require.GreaterOrEqual(t, made, 0, "no step makes %s", m.shared)
	inside := strings.Contains(m.shared, "@") || strings.Contains(m.steps[step].Detail, m.shared)
	return step > made && inside
}

// cancelAtEveryStep ends the context while each step runs.
func (m *matrix) cancelAtEveryStep(t *testing.T) {
	for step, s := range m.steps {
		m.try(t, fmt.Sprintf("%d %s", step, s.Kind), func(t *testing.T, ctx context.Context) {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			here := at(step, "do", errInjected)
			ctx = plan.WithFault(ctx, func(p plan.Point) error {
				if here(p) != nil {
					cancel()
				}
				return nil
			})
			_, err := m.run(ctx, m.h)
			switch {
			case !s.Undo && m.halts && err != nil:
				require.ErrorIs(t, err, context.Canceled) // the first plan is done, the second is not begun
				requireSame(t, m.halfway, world(t, m.h))
			case !s.Undo:
				require.NoError(t, err, "nothing stops it any more")
				requireSame(t, m.after, world(t, m.h))
			case err == nil:
				require.Equal(t, len(m.steps)-1, step, "only the last step may win the race")
				requireSame(t, m.after, world(t, m.h))
			default:
				require.ErrorIs(t, err, context.Canceled)
				switch {
				case s.Kind == "run command" && m.isAfter(t): // it was killed, the jail was taken down
				case step >= m.second:
					requireSame(t, m.halfway, world(t, m.h))
				default:
					m.requireBefore(t)
				}
			}
		})
	}
}

// crashAtEveryStep stops dead before and after each step, as a kill does,
// with and without a reboot, and recovers: the operation was not, or is
// finished, as its commit point says.
func (m *matrix) crashAtEveryStep(t *testing.T) {
	for step, s := range m.steps {
		for _, phase := range []string{"do", "done"} {
			for _, reboot := range []bool{false, true} {
				m.try(t, fmt.Sprintf("%d %s/%s/reboot=%v", step, s.Kind, phase, reboot), func(t *testing.T, ctx context.Context) {
					_, err := m.run(plan.WithFault(ctx, at(step, phase, plan.ErrCrash)), m.h)
					require.ErrorIs(t, err, plan.ErrCrash)
					if reboot {
						require.NoError(t, m.h.Reboot())
					}
					_, err = jail.Recover(ctx, m.h.Host)
					require.NoError(t, err)
					if m.halts && (step >= m.second || !s.Undo) {
						requireSame(t, m.halfway, world(t, m.h)) // stopped, up or rebooted
						return
					}
					// What had not begun to roll back is not begun any more.
					undone := s.Undo || s.Kind == "roll back" && phase == "do"
					switch {
					case undone && !reboot:
						m.requireBefore(t)
					case undone:
						requireSame(t, m.rebooted, world(t, m.h))
					case !reboot:
						requireSame(t, m.after, world(t, m.h))
					default:
						requireSame(t, m.gone, world(t, m.h))
					}
				})
			}
		}
	}
}

// identities are the jails that run, by name.
func identities(t testing.TB, h *simhost.Host) map[string]kernel.Identity {
	t.Helper()
	ctx := context.Background()
	out := map[string]kernel.Identity{}
	for p, err := range h.Sim.JailList(ctx, 0) {
		require.NoError(t, err)
		id, err := h.Sim.JailIdentify(ctx, 0, kernel.ByJID(p.Int("jid")))
		require.NoError(t, err)
		out[id.Name] = id
	}
	return out
}
