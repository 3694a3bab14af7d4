package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/internal/lineartest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/jail/fleet"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

var errInjected = errors.New("injected")

// slowKernel takes its time to make and remove jails, as real hooks would, and
// fails for some of them.
type slowKernel struct {
	kernel.Kernel
	pause  time.Duration
	faults func(op, name string) bool
}

func (k *slowKernel) JailSet(ctx context.Context, flags kernel.SetFlags, params ...kernel.Param) (int, error) {
	time.Sleep(k.pause)
	name := kernel.Params(params).String("name")
	if flags&kernel.JailCreate != 0 && k.faults("start", name) {
		return 0, fmt.Errorf("%s: %w", name, errInjected)
	}
	return k.Kernel.JailSet(ctx, flags, params...)
}

func (k *slowKernel) JailRemove(ctx context.Context, id kernel.Identity) error {
	time.Sleep(k.pause)
	if k.faults("stop", id.Name) {
		return fmt.Errorf("%s: %w", id.Name, errInjected)
	}
	return k.Kernel.JailRemove(ctx, id)
}

// TestThousandJails starts and stops 1,000 jails in parallel, with chains of
// dependencies among them and with faults in one of twenty: each jail has its
// result, nothing is left over, and the time is that of the work.
func TestThousandJails(t *testing.T) {
	n, chain, limit := 1000, 20, 64
	if jailtest.Brief() {
		n = 400
	}
	if testing.Short() {
		n, chain = 100, 5
	}
	h := jailtest.OpenHost(t, simhost.Options{})
	for i := range n {
		properties := map[string]string{}
		if i < 10*chain && i%chain != 0 { // ten chains of 20
			properties["depends"] = fmt.Sprintf("j%04d", i-1)
		}
		jailtest.PutPlain(t, h, fmt.Sprintf("j%04d", i), properties)
	}
	before := jailtest.World(t, h)

	bad := map[string]bool{}
	for i := 10 * chain; i < n && len(bad) < n/20; i++ {
		if i%8 == 0 { // none in a chain
			bad[fmt.Sprintf("ioc-j%04d", i)] = true
		}
	}
	require.Len(t, bad, n/20)
	var stopping atomic.Bool
	failedOnce := map[string]*atomic.Bool{}
	for name := range bad {
		failedOnce[name] = &atomic.Bool{}
	}
	k := &slowKernel{Kernel: h.Sim, pause: 30 * time.Millisecond}
	k.faults = func(op, name string) bool {
		name, _, _ = strings.Cut(name, " ")
		if op == "start" {
			return bad[name]
		}
		// A stop fails after its point of no return, once for each of 50 others.
		var i int
		fmt.Sscanf(name, "ioc-j%d", &i)
		f := failedOnce[fmt.Sprintf("ioc-j%04d", i-1)]
		return stopping.Load() && f != nil && f.CompareAndSwap(false, true)
	}
	slow, err := host.New(h.ZFS, k, host.Options{
		Sources: []host.Source{{Name: "ioc", Dataset: simhost.Dataset}}, Files: h.Files(),
		RunDir: jailtest.MemoryDir(t), StateDir: jailtest.MemoryDir(t), Settle: time.Minute,
	})
	require.NoError(t, err)
	ctx := context.Background()
	all, err := fleet.Select(jail.List(ctx, slow))
	require.NoError(t, err)
	require.Len(t, all, n)

	var told atomic.Int64
	many := fleet.Options{Parallel: limit, OnResult: func(fleet.Result) { told.Add(1) }}
	cpu, began := lineartest.CPUTime(), time.Now()
	results, err := fleet.StartAll(ctx, slow, all, fleet.StartAllOptions{Options: many})
	require.NoError(t, err)
	took, used := time.Since(began), lineartest.CPUTime()-cpu
	requireWall(t, "start", took, used, results, chain, limit)
	require.Len(t, results, n)
	require.EqualValues(t, n, told.Load())
	for _, r := range results {
		if bad[r.Jail.Identifier()] {
			require.ErrorIs(t, r.Err, errInjected)
			require.Equal(t, fleet.Failed, r.Outcome)
			require.ErrorIs(t, r.Events[len(r.Events)-1].Head().Err, errInjected)
		} else {
			require.NoError(t, r.Err)
			require.Equal(t, fleet.Done, r.Outcome)
		}
	}
	require.Len(t, jailtest.Running(t, h), n-len(bad))

	stopping.Store(true)
	cpu, began = lineartest.CPUTime(), time.Now()
	results, err = fleet.StopAll(ctx, slow, all, fleet.StopAllOptions{Options: many})
	require.NoError(t, err)
	requireWall(t, "stop", time.Since(began), lineartest.CPUTime()-cpu, results, chain, limit)
	require.Len(t, results, n)
	require.Len(t, results.Failed(), len(bad))
	for _, r := range results {
		if bad[r.Jail.Identifier()] {
			require.Equal(t, fleet.Passed, r.Outcome)
		}
	}
	// What failed is done again by the next stop, and then nothing is left.
	results, err = fleet.StopAll(ctx, slow, all, fleet.StopAllOptions{Options: many})
	require.NoError(t, err)
	require.NoError(t, results.Err())
	require.Empty(t, jailtest.Running(t, h))
	jailtest.RequireSame(t, before, jailtest.World(t, h))
}

// requireWall: the time is at most 1.5 times the longest chain of dependencies
// or the work shared by those who may work at once, whichever is more. The work
// of one jail is what its operation took from its beginning to its end, so
// waiting for a slot does not count; what the processors of a busy machine
// could not do in that time is allowed for.
func requireWall(t testing.TB, what string, took, used time.Duration, results fleet.Results, chain, limit int) {
	t.Helper()
	took1 := map[string]time.Duration{}
	var work time.Duration
	for _, r := range results {
		took1[r.Jail.Name()] = r.Took
		work += r.Took
	}
	var longest time.Duration
	for c := range 10 {
		var sum time.Duration
		for i := range chain {
			sum += took1[fmt.Sprintf("j%04d", c*chain+i)]
		}
		longest = max(longest, sum)
	}
	bound := max(longest, work/time.Duration(limit))
	t.Logf("%s: %v; longest chain %v, work by %d at once %v, processor %v", what, took, longest, limit, work/time.Duration(limit), used)
	require.Less(t, took, bound*3/2)
}

// TestEach: every jail has its result, whatever happens to the others, and no
// more are worked on than may be.
func TestEach(t *testing.T) {
	h := jailtest.OpenHost(t, simhost.Options{})
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprintf("j%02d", i))
		jailtest.PutPlain(t, h, names[i], map[string]string{"provision.method": "counted", "provision.source": "somewhere"})
	}
	jails := jailtest.Load(t, h, names...)
	var now, most atomic.Int64
	counted := provisionerFunc(func(j *jail.Jail) error {
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		time.Sleep(2 * time.Millisecond)
		if j.Name() == "j07" {
			return errInjected
		}
		return nil
	})
	results := fleet.Each(context.Background(), jails, fleet.Options{Parallel: 3}, func(j *jail.Jail) *jail.Operation {
		return j.Generator().Provision(jail.ProvisionOptions{Methods: map[string]jail.Provisioner{"counted": counted}})
	})
	require.Len(t, results, 20)
	require.LessOrEqual(t, most.Load(), int64(3))
	require.Len(t, results.Failed(), 1)
	require.ErrorIs(t, results.Err(), errInjected)
	one, ok := results.Of("j07")
	require.True(t, ok)
	require.Equal(t, fleet.Failed, one.Outcome)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	results = fleet.Each(ctx, jails, fleet.Options{}, func(j *jail.Jail) *jail.Operation {
		t.Error("begun after the context's end")
		return j.Generator().Start(jail.StartOptions{})
	})
	require.Len(t, results.Failed(), 20)
	require.ErrorIs(t, results.Err(), context.Canceled)
}

// TestRollBackOfDependencies: what was started only for a jail that fails is
// stopped again; what ran before, or what another needs, stays.
func TestRollBackOfDependencies(t *testing.T) {
	for _, tc := range []struct {
		name   string
		wanted []string
		o      fleet.StartAllOptions
		left   []string
	}{
		{"one", []string{"web"}, fleet.StartAllOptions{}, []string{"ran"}},
		{"needed by another", []string{"web", "mail"}, fleet.StartAllOptions{}, []string{"base", "db", "mail", "ran"}},
		{"asked for", []string{"web", "db"}, fleet.StartAllOptions{}, []string{"base", "db", "ran"}},
		{"all or nothing", []string{"web", "mail"}, fleet.StartAllOptions{AllOrNothing: true}, []string{"ran"}},
		{"without dependencies", []string{"mail", "web"}, fleet.StartAllOptions{NoDependencies: true}, []string{"mail", "ran"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := jailtest.OpenHost(t, simhost.Options{})
			jailtest.PutPlain(t, h, "base", nil)
			jailtest.PutPlain(t, h, "db", map[string]string{"depends": "base"})
			jailtest.PutPlain(t, h, "cache", nil)
			jailtest.PutPlain(t, h, "ran", nil)
			jailtest.PutPlain(t, h, "mail", map[string]string{"depends": "db"})
			jailtest.PutPlain(t, h, "web", map[string]string{"depends": "db,cache,ran"})
			jailtest.Up(t, h, "ioc-ran")
			before := jailtest.World(t, h)
			defer h.Sim.Fail(t, fault.Fault{Op: simkernel.OpJailSet, Match: "*ioc-web*", Err: errInjected})()

			results, err := fleet.StartAll(context.Background(), h.Host, jailtest.Load(t, h, tc.wanted...), tc.o)
			require.NoError(t, err)
			require.ErrorIs(t, results.Err(), errInjected)
			require.Equal(t, tc.left, jailtest.Running(t, h))
			for _, r := range results {
				isUp, err := r.Jail.Running(context.Background())
				require.NoError(t, err)
				require.Equal(t, isUp, r.Err == nil, "%s: %v %v", r.Jail.Name(), r.Outcome, r.Err)
				require.Equal(t, !isUp && r.Jail.Name() != "web", r.Outcome == fleet.RolledBack, r.Jail.Name())
			}
			rest, err := fleet.StopAll(context.Background(), h.Host, jailtest.Load(t, h, "base", "db", "mail"), fleet.StopAllOptions{})
			require.NoError(t, err)
			require.NoError(t, rest.Err())
			jailtest.RequireSame(t, before, jailtest.World(t, h))
		})
	}
}

// TestRollBackOfDependencyThatIsNotReady: what was started only for a jail that
// never began is stopped again, also if it runs and is not ready.
func TestRollBackOfDependencyThatIsNotReady(t *testing.T) {
	h := jailtest.OpenHost(t, simhost.Options{})
	jailtest.PutPlain(t, h, "base", nil)
	jailtest.PutPlain(t, h, "db", map[string]string{"depends": "base", "user.ready": "file=/never interval=10ms timeout=50ms"})
	jailtest.PutPlain(t, h, "web", map[string]string{"depends": "db"})
	ctx := context.Background()
	for _, tc := range []struct {
		wanted, left []string
	}{
		{[]string{"web"}, nil},
		{[]string{"web", "db"}, []string{"base", "db"}}, // asked for: it keeps running
	} {
		results, err := fleet.StartAll(ctx, h.Host, jailtest.Load(t, h, tc.wanted...), fleet.StartAllOptions{})
		require.NoError(t, err)
		require.Len(t, results, 3)
		require.Equal(t, tc.left, jailtest.Running(t, h))
		for _, name := range []string{"db", "web"} {
			one, _ := results.Of(name)
			require.ErrorIs(t, one.Err, jail.ErrNotReady)
			require.NotErrorIs(t, one.Err, jail.ErrNotRunning)
		}
	}
}

// TestStopOrder: dependants stop first, then the higher priority.
func TestStopOrder(t *testing.T) {
	h := jailtest.OpenHost(t, simhost.Options{})
	jailtest.PutPlain(t, h, "db", map[string]string{"priority": "50"})
	jailtest.PutPlain(t, h, "web", map[string]string{"depends": "db", "priority": "1"})
	jailtest.PutPlain(t, h, "front", map[string]string{"depends": "web", "priority": "2"})
	jailtest.PutPlain(t, h, "low", map[string]string{"priority": "-3"})
	jailtest.PutPlain(t, h, "ring1", map[string]string{"depends": "ring2", "priority": "10"})
	jailtest.PutPlain(t, h, "ring2", map[string]string{"depends": "ring1", "priority": "11"})
	all := []string{"db", "web", "front", "low", "ring1", "ring2"}
	for _, name := range all {
		_, err := jailtest.Load(t, h, name)[0].Start(context.Background(), jail.StartOptions{NoDependencies: true})
		require.NoError(t, err)
	}
	var order []string
	results, err := fleet.StopAll(context.Background(), h.Host, jailtest.Load(t, h, all...), fleet.StopAllOptions{Options: fleet.Options{
		Parallel: 1,
		OnResult: func(r fleet.Result) { order = append(order, r.Jail.Name()) },
	}})
	require.NoError(t, err)
	require.NoError(t, results.Err())
	require.Equal(t, []string{"ring2", "ring1", "front", "web", "db", "low"}, order)
}

// TestCancelStartAll: when the context ends nothing more begins, what is under
// way is put back, and each jail has a result.
func TestCancelStartAll(t *testing.T) {
	h := jailtest.OpenHost(t, simhost.Options{})
	var names []string
	for i := range 12 {
		names = append(names, fmt.Sprintf("j%02d", i))
		jailtest.PutPlain(t, h, names[i], map[string]string{"exec_prestart": "sleep 60"})
	}
	jailtest.PutPlain(t, h, "quick", map[string]string{"priority": "-1"})
	ctx, cancel := context.WithCancel(context.Background())
	results, err := fleet.StartAll(ctx, h.Host, jailtest.Load(t, h, append(names, "quick")...), fleet.StartAllOptions{Options: fleet.Options{
		Parallel: 1,
		OnEvent: func(e events.IocEvent) {
			if _, ok := e.(events.JailHookPrestart); ok {
				cancel()
			}
		},
	}})
	require.NoError(t, err)
	require.Len(t, results, 13)
	require.Len(t, results.Failed(), 12)
	for _, r := range results.Failed() {
		require.ErrorIs(t, r.Err, context.Canceled)
	}
	require.Equal(t, []string{"quick"}, jailtest.Running(t, h))
}

// provisionerFunc is a provisioner that is one function.
type provisionerFunc func(*jail.Jail) error

func (f provisionerFunc) Provision(_ context.Context, j *jail.Jail, _ jail.ProvisionRequest) error {
	return f(j)
}
