package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/jail/fleet"
)

// bootHost has jails marked for boot in three priorities, and three that do not
// come up: bad cannot be read, mute never answers its probe, stuck hangs.
func bootHost(t testing.TB) *simhost.Host {
	h := jailtest.OpenHost(t, simhost.Options{})
	mark := func(name, priority string, more map[string]string) {
		properties := map[string]string{"boot": "yes", "priority": priority}
		for key, value := range more {
			properties[key] = value
		}
		jailtest.PutPlain(t, h, name, properties)
	}
	mark("db", "1", nil)
	mark("stuck", "1", map[string]string{"exec_prestart": "sleep 1000"})
	mark("mute", "2", map[string]string{"user.ready": "process=never interval=10ms timeout=300ms"})
	mark("web", "2", map[string]string{"depends": "db,lib", "user.ready": "file=/ready timeout=20s"})
	for i := range 12 {
		mark(fmt.Sprintf("app%02d", i), "3", nil)
	}
	mark("after", "0", map[string]string{"depends": "mute"})
	mark("late", "9", nil)
	mark("tmpl", "1", map[string]string{"template": "yes"})
	mark("ran", "1", nil)
	jailtest.Up(t, h, "ioc-ran")
	jailtest.PutPlain(t, h, "lib", nil) // not marked, but needed
	jailtest.PutPlain(t, h, "off", nil)
	jailtest.Put(t, h, simhost.Dataset+"/jails/bad", `{"boot": `)
	return h
}

// TestBoot: with the wanted order and three jails that do not come up, all others
// are up within the budget, and the report names the three.
func TestBoot(t *testing.T) {
	t.Parallel()
	h := bootHost(t)
	ctx := context.Background()
	// web gets ready some time after it was started.
	require.NoError(t, afterwards(t, func() { jailtest.WriteRoot(t, h, "web", "ready") }))

	const budget = 8 * time.Second
	began := time.Now()
	results, err := fleet.Boot(ctx, h.Host, fleet.BootOptions{Budget: budget})
	require.NoError(t, err)
	require.Less(t, time.Since(began), budget)

	want := []string{"db", "late", "lib", "mute", "ran", "web"}
	for i := range 12 {
		want = append(want, fmt.Sprintf("app%02d", i))
	}
	slices.Sort(want)
	require.Equal(t, want, jailtest.Running(t, h)) // mute runs; it is not ready

	var failed []string
	for _, r := range results.Failed() {
		failed = append(failed, r.Jail.Name())
	}
	slices.Sort(failed)
	require.Equal(t, []string{"after", "bad", "mute", "stuck"}, failed)
	check := func(name string, want error) {
		one, ok := results.Of(name)
		require.True(t, ok)
		require.ErrorIs(t, one.Err, want)
	}
	check("bad", config.ErrMalformed)
	check("mute", jail.ErrNotReady)
	check("stuck", context.DeadlineExceeded)
	check("after", jail.ErrDependency)
	check("after", jail.ErrNotReady)
	one, _ := results.Of("ran")
	require.Equal(t, fleet.Passed, one.Outcome)

	// The order: nobody of a higher priority began before those of a lower one
	// were over, stuck apart, and web after what it depends on.
	at := func(name string) fleet.Result {
		one, ok := results.Of(name)
		require.True(t, ok, name)
		return one
	}
	after := func(later, earlier string) {
		e := at(earlier)
		require.False(t, at(later).Began.Before(e.Began.Add(e.Took)), "%s began before %s was over", later, earlier)
	}
	after("web", "db")
	after("web", "lib")
	after("app00", "web")
	after("app11", "db")
	after("late", "app05")
	require.True(t, at("lib").Dependency)
}

// afterwards runs f some time later and waits for it at the end of the test.
func afterwards(t testing.TB, f func()) error {
	done := make(chan struct{})
	time.AfterFunc(300*time.Millisecond, func() { defer close(done); f() })
	t.Cleanup(func() { <-done })
	return nil
}

// TestBootAgain: a second boot passes over what is up.
func TestBootAgain(t *testing.T) {
	h := jailtest.OpenHost(t, simhost.Options{})
	jailtest.PutPlain(t, h, "a", map[string]string{"boot": "yes"})
	jailtest.PutPlain(t, h, "b", map[string]string{"boot": "yes", "depends": "a"})
	for _, want := range []fleet.Outcome{fleet.Done, fleet.Passed} {
		results, err := fleet.Boot(context.Background(), h.Host, fleet.BootOptions{})
		require.NoError(t, err)
		require.NoError(t, results.Err())
		require.Len(t, results, 2)
		for _, r := range results {
			require.Equal(t, want, r.Outcome)
		}
	}
}

// TestShutdown: all of ours are down within the budget, also one whose stop hook
// hangs and one that nobody can read; what belongs to others runs on.
func TestShutdown(t *testing.T) {
	t.Parallel()
	h := jailtest.OpenHost(t, simhost.Options{})
	ctx := context.Background()
	jailtest.PutPlain(t, h, "db", map[string]string{"priority": "1"})
	jailtest.PutPlain(t, h, "web", map[string]string{"depends": "db", "priority": "2"})
	jailtest.PutPlain(t, h, "hangs", map[string]string{"exec_prestop": "sleep 1000", "stop_timeout": "0", "priority": "3"})
	jailtest.PutPlain(t, h, "down", nil)
	jailtest.PutPlain(t, h, "bad", nil)
	for _, name := range []string{"db", "web", "hangs", "bad"} {
		_, err := jailtest.Load(t, h, name)[0].Start(ctx, jail.StartOptions{})
		require.NoError(t, err)
	}
	jailtest.WriteConf(t, h, simhost.Dataset+"/jails/bad", `{"boot": `)
	jailtest.Up(t, h, "poudriere")

	const budget = 4 * time.Second
	var order []string
	began := time.Now()
	results, err := fleet.Shutdown(ctx, h.Host, fleet.ShutdownOptions{Budget: budget, Options: fleet.Options{
		OnResult: func(r fleet.Result) { order = append(order, r.Jail.Name()) },
	}})
	require.NoError(t, err)
	require.Less(t, time.Since(began), budget+time.Second)
	require.Empty(t, jailtest.Running(t, h))
	foreign, err := fleet.Select(jail.List(ctx, h.Host, "running=yes"))
	require.NoError(t, err)
	require.Empty(t, foreign)
	n := 0
	for p := range h.Sim.JailList(ctx, 0) {
		require.Equal(t, "poudriere", p.String("name"))
		n++
	}
	require.Equal(t, 1, n)
	require.Len(t, results, 4)
	require.Less(t, slices.Index(order, "web"), slices.Index(order, "db"))
	_, found := results.Of("down")
	require.False(t, found)
	one, _ := results.Of("web")
	require.NoError(t, one.Err)
	var e *jail.Error
	one, _ = results.Of("hangs")
	require.True(t, errors.As(one.Err, &e), "%v", one.Err)
	one, _ = results.Of("bad")
	require.Error(t, one.Err)
}
