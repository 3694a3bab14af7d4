package jail_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/go-multierror"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
)

var errInjected = errors.New("injected")

// faultHost is a host with a fetched release and a jail that has all kinds of
// mounts, so that starting it has all kinds of steps.
func faultHost(t *testing.T, basejail bool) (*simhost.Host, *jail.Jail) {
	t.Helper()
	h := newHost(t)
	j := newJail(t, h, "web", basejail, map[string]string{
		"mount_fdescfs": "yes", "exec_prestart": "true", "exec_created": "true",
		"exec_poststart": "true", "exec_prestop": "true", "exec_poststop": "true",
		"devfs_ruleset": "100",
	})
	ctx := context.Background()
	path, err := h.Mountpoint(ctx, j.Dataset())
	require.NoError(t, err)
	data := t.TempDir()
	line := fmt.Sprintf("%s\t%s/root/mnt\tnullfs\trw\t0\t0\n", data, path)
	require.NoError(t, os.WriteFile(filepath.Join(path, "fstab"), []byte(line), 0o644))
	// An old resolv.conf has to come back, missing mount points have to go.
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "etc/resolv.conf"), []byte("nameserver 192.0.2.1\n"), 0o640))
	require.NoError(t, os.Remove(filepath.Join(root, "dev")))
	require.NoError(t, os.Remove(filepath.Join(root, "usr/lib32")))
	rules := "[ours=100]\nadd hide\nadd path null unhide\nadd path fd unhide\nadd path 'fd/*' unhide\n"
	require.NoError(t, os.WriteFile(h.Files().DevfsRules, []byte(rules), 0o644))
	return h, j
}

// settle brings the host to where the operation of a case begins and returns
// the world in which a stop ends. A stop leaves what belongs to no jail alone:
// the resolv.conf in the root, the ruleset in the kernel.
func settle(t *testing.T, h *simhost.Host, j *jail.Jail, c faultCase) []string {
	t.Helper()
	if c.before == nil {
		return nil
	}
	ctx := context.Background()
	c.before(t, ctx, h, j)
	_, err := j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	down := world(t, h)
	c.before(t, ctx, h, j)
	return down
}

// operations of the fault matrix, each with what has to be done before.
type faultCase struct {
	name    string
	before  func(t *testing.T, ctx context.Context, h *simhost.Host, j *jail.Jail)
	run     func(ctx context.Context, h *simhost.Host, j *jail.Jail) ([]events.IocEvent, error)
	plan    func(ctx context.Context, h *simhost.Host, j *jail.Jail) (*jail.Plan, error)
	forward bool // does not roll back from some step on
}

func second(ctx context.Context, h *simhost.Host) *jail.Jail {
	j, err := jail.New(ctx, h.Host, jail.Spec{Name: "second"})
	if err != nil {
		panic(err)
	}
	return j
}

var faultCases = []faultCase{
	{
		name: "create",
		run: func(ctx context.Context, h *simhost.Host, _ *jail.Jail) ([]events.IocEvent, error) {
			return second(ctx, h).Create(ctx, jail.CreateOptions{Release: testRelease})
		},
		plan: func(ctx context.Context, h *simhost.Host, _ *jail.Jail) (*jail.Plan, error) {
			return second(ctx, h).PlanCreate(ctx, jail.CreateOptions{Release: testRelease})
		},
	},
	{
		name: "start",
		run: func(ctx context.Context, h *simhost.Host, j *jail.Jail) ([]events.IocEvent, error) {
			// Rulesets stay loaded; without it every start has all its steps.
			if err := h.Kernel.DevfsDeleteRules(context.Background(), 100); err != nil {
				return nil, err
			}
			return j.Start(ctx, jail.StartOptions{})
		},
		plan: func(ctx context.Context, _ *simhost.Host, j *jail.Jail) (*jail.Plan, error) {
			return j.PlanStart(ctx, jail.StartOptions{})
		},
	},
	{
		name: "stop",
		before: func(t *testing.T, ctx context.Context, _ *simhost.Host, j *jail.Jail) {
			_, err := j.Start(ctx, jail.StartOptions{})
			require.NoError(t, err)
		},
		run: func(ctx context.Context, _ *simhost.Host, j *jail.Jail) ([]events.IocEvent, error) {
			return j.Stop(ctx, jail.StopOptions{})
		},
		plan: func(ctx context.Context, _ *simhost.Host, j *jail.Jail) (*jail.Plan, error) {
			return j.PlanStop(ctx, jail.StopOptions{})
		},
		forward: true,
	},
}

// TestFailureAtEveryStep fails each operation before and after each step's
// effect: everything is exactly as it was, or, once a stop has gone too far, a
// second stop succeeds; and the error's first cause is the injected one.
func TestFailureAtEveryStep(t *testing.T) {
	for _, c := range faultCases {
		for _, basejail := range []bool{false, true} {
			h, j := faultHost(t, basejail)
			ctx := context.Background()
			down := settle(t, h, j, c)
			p, err := c.plan(ctx, h, j)
			require.NoError(t, err)
			for step, s := range p.Steps() {
				for _, phase := range []string{"do", "done"} {
					t.Run(fmt.Sprintf("%s/basejail=%v/%d %s/%s", c.name, basejail, step, s.Kind, phase), func(t *testing.T) {
						before := world(t, h)
						_, err := c.run(plan.WithFault(ctx, at(step, phase, errInjected)), h, j)
						requireFirstCause(t, err)
						if c.forward && !s.Undo {
							_, err := c.run(ctx, h, j)
							require.NoError(t, err, "second %s", c.name)
							requireSame(t, down, world(t, h))
							c.before(t, ctx, h, j)
							return
						}
						requireSame(t, before, world(t, h))
					})
				}
			}
		}
	}
}

// at is a fault at one place of a run.
func at(step int, phase string, err error) func(plan.Point) error {
	return func(p plan.Point) error {
		if p.Index == step && p.Phase == phase {
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

// TestFailureAtEveryUndo lets the last step fail and one undo as well: the
// other undos still run, the error names both with the first cause first, and
// Recover clears what was left.
func TestFailureAtEveryUndo(t *testing.T) {
	errUndo := errors.New("undo failed")
	for _, c := range faultCases {
		if c.forward {
			continue
		}
		for _, basejail := range []bool{false, true} {
			h, j := faultHost(t, basejail)
			ctx := context.Background()
			p, err := c.plan(ctx, h, j)
			require.NoError(t, err)
			last := len(p.Steps()) - 1
			for step, s := range p.Steps() {
				for _, phase := range []string{"undo", "undone"} {
					t.Run(fmt.Sprintf("%s/basejail=%v/%d %s/%s", c.name, basejail, step, s.Kind, phase), func(t *testing.T) {
						before := world(t, h)
						undone := map[int]bool{}
						fault := func(p plan.Point) error {
							switch {
							case p.Index == last && p.Phase == "done":
								return errInjected
							case p.Phase == "undone":
								undone[p.Index] = true
							}
							return at(step, phase, errUndo)(p)
						}
						_, err := c.run(plan.WithFault(ctx, fault), h, j)
						requireFirstCause(t, err)
						require.ErrorIs(t, err, errUndo)
						for i := range p.Steps() {
							if i != step {
								require.True(t, undone[i], "undo of step %d did not run", i)
							}
						}
						_, err = jail.Recover(ctx, h.Host)
						require.NoError(t, err)
						requireSame(t, before, world(t, h))
					})
				}
			}
		}
	}
}

// TestCancelAtEveryStep ends the context while each step runs.
func TestCancelAtEveryStep(t *testing.T) {
	for _, c := range faultCases {
		h, j := faultHost(t, true)
		down := settle(t, h, j, c)
		p, err := c.plan(context.Background(), h, j)
		require.NoError(t, err)
		for step, s := range p.Steps() {
			t.Run(fmt.Sprintf("%s/%d %s", c.name, step, s.Kind), func(t *testing.T) {
				before := world(t, h)
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				ctx = plan.WithFault(ctx, func(p plan.Point) error {
					if p.Index == step && p.Phase == "do" {
						cancel()
					}
					return nil
				})
				_, err := c.run(ctx, h, j)
				switch {
				case c.forward && !s.Undo:
					require.NoError(t, err, "nothing stops it any more")
					requireSame(t, down, world(t, h))
					c.before(t, context.Background(), h, j)
				case err == nil:
					require.Equal(t, len(p.Steps())-1, step, "only the last step may win the race")
					t.Skip("the last step ended before it saw the cancellation")
				default:
					require.ErrorIs(t, err, context.Canceled)
					requireSame(t, before, world(t, h))
				}
			})
		}
	}
}

// TestCrashAtEveryStep stops dead before and after each step, as a kill does,
// opens the host again, with and without a reboot, and recovers.
func TestCrashAtEveryStep(t *testing.T) {
	for _, c := range faultCases {
		h, j := faultHost(t, true)
		ctx := context.Background()
		down := settle(t, h, j, c)
		p, err := c.plan(ctx, h, j)
		require.NoError(t, err)
		for step, s := range p.Steps() {
			for _, phase := range []string{"do", "done"} {
				for _, reboot := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s/%d %s/%s/reboot=%v", c.name, step, s.Kind, phase, reboot), func(t *testing.T) {
						before := world(t, h)
						_, err := c.run(plan.WithFault(ctx, at(step, phase, plan.ErrCrash)), h, j)
						require.ErrorIs(t, err, plan.ErrCrash)
						if reboot {
							require.NoError(t, h.Reboot())
						}
						_, err = jail.Recover(ctx, h.Host)
						require.NoError(t, err)
						running, err := j.Running(ctx)
						require.NoError(t, err)
						switch {
						case reboot:
							want := before
							if c.before != nil {
								want = down
							}
							requireSame(t, want, world(t, h))
						case running || c.before == nil:
							requireSame(t, before, world(t, h))
						default:
							requireSame(t, down, world(t, h))
						}
						if c.before != nil && !running {
							c.before(t, ctx, h, j)
						}
					})
				}
			}
		}
	}
}
