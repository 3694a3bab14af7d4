package jail_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
)

var livesOf = regexp.MustCompile(`(?m)^jail_(set|remove) .*?ioc-([a-z-]+)`)

// lives lists in order the jails that jail_set(2) and jail_remove(2) were called for, since
// the last time.
func lives(h *simhost.Host) string {
	var out []string
	for _, c := range h.Sim.Calls() {
		if m := livesOf.FindStringSubmatch(c.String()); m != nil {
			out = append(out, map[string]string{"set": "+", "remove": "-"}[m[1]]+m[2])
		}
	}
	h.Sim.ResetCalls()
	return strings.Join(slices.Compact(out), " ")
}

// dependants returns the events of what was started for another jail.
func dependants(all []events.IocEvent) (out []string) {
	for _, e := range all {
		switch e := e.(type) {
		case events.JailDependantStart:
			if e.State != events.Pending {
				out = append(out, e.Jail+" "+e.State.String())
			}
		case events.JailDependantsStart:
			if e.State != events.Pending {
				out = append(out, strings.Join(append([]string{"all " + e.State.String()}, e.Started...), " "))
			}
		}
	}
	return out
}

// At 4f8059c only fleet.StartAll knew of depends: a jail was started without its database.
func TestStartStartsDependencies(t *testing.T) {
	ctx := t.Context()
	h := newHost(t)
	newJail(t, h, "disk", false, map[string]string{"priority": "5"})
	db := newJail(t, h, "db", false, map[string]string{"depends": "disk", "priority": "9"})
	newJail(t, h, "cache", false, map[string]string{"priority": "3"})
	web := newJail(t, h, "web", false, map[string]string{"depends": "db,cache"})

	_, err := web.Start(ctx, jail.StartOptions{NoDependencies: true})
	require.NoError(t, err)
	_, err = web.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	require.Equal(t, "+web -web", lives(h))

	_, err = db.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	all, err := web.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	require.Equal(t, "+disk +db +cache +web", lives(h))
	require.Equal(t, []string{"cache done", "db skipped", "all done cache"}, dependants(all))
	require.IsType(t, events.JailStart{}, all[0])
	require.IsType(t, events.JailStart{}, all[len(all)-1])
}

// What was started only for a jail stops with it, and what ran before goes on.
func TestDependenciesOfWhatLivesOnce(t *testing.T) {
	ctx := t.Context()
	for name, run := range map[string]func(j *jail.Jail, alone bool) error{
		"fork_exec": func(j *jail.Jail, alone bool) error {
			_, _, err := j.ForkExec(ctx, []string{"/bin/sh", "-c", "true"}, jail.ForkExecOptions{NoDependencies: alone})
			return err
		},
		"single command": func(j *jail.Jail, alone bool) error {
			_, err := j.Start(ctx, jail.StartOptions{SingleCommand: "true", NoDependencies: alone})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			disk := newJail(t, h, "disk", false, nil)
			newJail(t, h, "cache", false, nil)
			newJail(t, h, "db", false, map[string]string{"depends": "cache"})
			web := newJail(t, h, "web", false, map[string]string{"depends": "db,disk"})
			_, err := disk.Start(ctx, jail.StartOptions{})
			require.NoError(t, err)
			require.Equal(t, "+disk", lives(h))
			require.NoError(t, run(web, false))
			require.Equal(t, "+cache +db +web -web -db -cache", lives(h))
			require.NoError(t, run(web, true))
			require.Equal(t, "+web -web", lives(h))
			running, err := disk.Running(ctx)
			require.NoError(t, err)
			require.True(t, running)
		})
	}
}

// A start that fails leaves nothing running that it has started.
func TestFailedStartStopsDependencies(t *testing.T) {
	ctx := t.Context()
	h := newHost(t)
	newJail(t, h, "cache", false, map[string]string{"priority": "1"})
	newJail(t, h, "db", false, map[string]string{"priority": "2"})
	web := newJail(t, h, "web", false, map[string]string{"depends": "cache,db"})
	_, err := web.Start(ctx, jail.StartOptions{SingleCommand: "true"}) // each has its resolv.conf now
	require.NoError(t, err)
	require.NotEmpty(t, lives(h))
	before := world(t, h)

	boom := errors.New("boom")
	h.Sim.Fail(t, fault.Fault{Op: "jail_set", Match: "*name=ioc-web *", Err: boom})
	all, err := web.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, boom)
	require.NotErrorIs(t, err, jail.ErrDependency)
	require.Equal(t, "+cache +db +web -db -cache", lives(h))
	require.Equal(t, []string{"cache done", "db done", "all done cache db"}, dependants(all))
	requireSame(t, before, world(t, h))

	h.Sim.Fail(t, fault.Fault{Op: "jail_set", Match: "*name=ioc-db *", Err: boom})
	all, err = web.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, boom)
	needs, ok := errors.AsType[*jail.DependencyError](err)
	require.True(t, ok)
	require.Equal(t, "web on db", needs.Jail+" on "+needs.On)
	require.Equal(t, "+cache +db -cache", lives(h))
	require.Equal(t, []string{"cache done", "db failed", "all failed"}, dependants(all))
	requireSame(t, before, world(t, h))
}

// What cannot be started starts nothing.
func TestNothingStartsForARefusedJail(t *testing.T) {
	ctx := t.Context()
	h := newHost(t)
	newJail(t, h, "db", false, map[string]string{"priority": "1"})
	for name, row := range map[string]struct {
		properties map[string]string
		is         error
	}{
		"missing": {map[string]string{"depends": "db,nobody"}, jail.ErrDependency},
		"itself":  {map[string]string{"depends": "db"}, jail.ErrRunning},
		"config":  {map[string]string{"depends": "db", "vnet": "yes", "interfaces": "vnet0:nobridge"}, jail.ErrConfig},
		"not known": {
			map[string]string{"depends": "db", "ip4_addr": "em9|10.9.9.9/24"}, jail.ErrConfig,
		},
	} {
		t.Run(name, func(t *testing.T) {
			web := newJail(t, h, strings.ReplaceAll(name, " ", "-"), false, row.properties)
			if name == "itself" {
				_, err := web.Start(ctx, jail.StartOptions{NoDependencies: true})
				require.NoError(t, err)
				require.NotEmpty(t, lives(h))
			}
			all, err := web.Start(ctx, jail.StartOptions{})
			require.ErrorIs(t, err, row.is)
			require.Len(t, all, 1)
			require.Empty(t, lives(h))
			_, err = web.Generator().Start(jail.StartOptions{}).Plan(ctx)
			require.ErrorIs(t, err, row.is)
		})
	}
}

// A circle is told, whether or not the jail is part of it.
func TestStartOfACircle(t *testing.T) {
	ctx := t.Context()
	h := newHost(t)
	jails := map[string]string{"a": "b", "b": "c", "c": "a", "web": "a"}
	for name, on := range jails {
		putPlain(t, h, name, map[string]string{"depends": on})
	}
	for name, want := range map[string][]string{"a": {"a", "b", "c", "a"}, "web": {"a", "b", "c", "a"}} {
		_, err := load(t, h, name)[0].Start(ctx, jail.StartOptions{})
		circle, ok := errors.AsType[*jail.CycleError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, want, circle.Cycle)
	}
	require.Empty(t, lives(h))
}

// A jail waits until what it depends on is ready, also what runs already.
func TestStartWaitsForReadiness(t *testing.T) {
	ctx := t.Context()
	h := newHost(t)
	db := newJail(t, h, "db", false, map[string]string{"user.ready": "file=/never interval=10ms timeout=50ms"})
	web := newJail(t, h, "web", false, map[string]string{"depends": "db"})
	_, err := web.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, jail.ErrNotReady)
	require.Equal(t, "+db -db", lives(h))

	_, err = db.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	require.Equal(t, "+db", lives(h))
	_, err = web.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, jail.ErrNotReady)
	require.Empty(t, lives(h), "what ran before goes on")

	_, err = db.Set(ctx, map[string]string{"user.ready": "file=/etc interval=10ms timeout=5s"}, jail.SetOptions{})
	require.NoError(t, err)
	_, err = web.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
}

// A canceled start stops what it has begun to start.
func TestCanceledStartStopsDependencies(t *testing.T) {
	h := newHost(t)
	newJail(t, h, "db", false, map[string]string{"user.ready": "file=/never interval=10ms timeout=1m"})
	web := newJail(t, h, "web", false, map[string]string{"depends": "db"})
	ctx, cancel := context.WithCancel(t.Context())
	for e := range web.Generator().Start(jail.StartOptions{}).Events(ctx) {
		if d, ok := e.(events.JailDependantStart); ok && d.State == events.Pending {
			cancel()
		}
	}
	require.NoError(t, t.Context().Err())
	running, err := load(t, h, "db")[0].Running(t.Context())
	require.NoError(t, err)
	require.False(t, running)
	cancel()
}

// What an interrupted start has left is cleared before the dependencies are looked at.
func TestInterruptedStartWithDependencies(t *testing.T) {
	ctx := t.Context()
	h := newHost(t)
	newJail(t, h, "db", false, nil)
	web := newJail(t, h, "web", false, map[string]string{"depends": "db"})
	_, err := web.Start(crashAt(ctx, "create jail", "done"), jail.StartOptions{NoDependencies: true})
	require.ErrorIs(t, err, plan.ErrCrash)
	_, err = load(t, h, "web")[0].Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	for _, name := range []string{"db", "web"} {
		running, err := load(t, h, name)[0].Running(ctx)
		require.NoError(t, err)
		require.True(t, running, name)
	}
}

// TestStartWithADependencyAtEveryStep lets each step of the start of both jails fail, end
// with its context, or crash: nothing is left, except that a crash leaves the other jail up
// once it is started.
func TestStartWithADependencyAtEveryStep(t *testing.T) {
	for name, cause := range map[string]error{"failure": errInjected, "cancel": context.Canceled, "crash": plan.ErrCrash} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			db := newJail(t, h, "db", false, map[string]string{"mount_fdescfs": "yes"})
			web := newJail(t, h, "web", false, map[string]string{"depends": "db"})
			_, err := web.Start(t.Context(), jail.StartOptions{SingleCommand: "true"}) // each has its resolv.conf now
			require.NoError(t, err)
			before := world(t, h)
			tried := 0
			for step := 0; ; step++ {
				ctx, cancel := context.WithCancel(t.Context())
				begun, struck := -1, false
				fault := func(p plan.Point) error {
					if p.Phase == "do" {
						begun++
					}
					if p.Phase != "done" || begun != step || struck {
						return nil
					}
					struck = true
					if cause == context.Canceled {
						cancel()
						return nil
					}
					return cause
				}
				_, err := web.Start(plan.WithFault(ctx, fault), jail.StartOptions{})
				cancel()
				if !struck {
					require.NoError(t, err)
					break
				}
				tried++
				failed := err != nil && cause != plan.ErrCrash
				if cause == plan.ErrCrash {
					_, err = jail.Recover(t.Context(), h.Host)
					require.NoError(t, err)
				}
				for _, j := range []*jail.Jail{web, db} {
					running, err := j.Running(t.Context())
					require.NoError(t, err)
					require.False(t, running && failed, "step %d: %s is left running", step, j)
					if running {
						_, err = j.Stop(t.Context(), jail.StopOptions{})
						require.NoError(t, err)
					}
				}
				requireSame(t, before, world(t, h))
			}
			require.Greater(t, tried, 6)
		})
	}
}
