package step

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// errProbe is the failure of a call of the kernel or of ZFS.
var errProbe = errors.New("call failed")

// byUs is the operation of these tests.
const byUs = "ioc/jail/web 1"

// probe is a step that calls a function with what a step gets. The function must not end
// the test itself.
type probe struct {
	do func(ctx context.Context, e Env, c *plan.Call) error
}

func (probe) Kind() string                                        { return "probe" }
func (probe) Detail() string                                      { return "" }
func (probe) Event(Env) events.IocEvent                           { return events.JailStart{Jail: "web"} }
func (p probe) Do(ctx context.Context, e Env, c *plan.Call) error { return p.do(ctx, e, c) }

// probed calls a function as a step, after other steps.
func probed(t testing.TB, h *simhost.Host, do func(ctx context.Context, e Env, c *plan.Call) error, before ...plan.Action[Env]) error {
	return perform(t, h, append(before, probe{do})...).err
}

// performed is what steps have returned and told.
type performed struct {
	err   error
	ended []events.IocEvent // the closing events of the steps and of what they began
	left  bool              // the journal is still there
}

// skipped are the reasons for which steps were skipped.
func (p performed) skipped() (reasons []string) {
	for _, e := range p.ended {
		if e.Head().State == events.Skipped {
			reasons = append(reasons, e.Head().Message)
		}
	}
	return reasons
}

// perform runs steps as one plan without a way back.
func perform(t testing.TB, h *simhost.Host, steps ...plan.Action[Env]) performed {
	t.Helper()
	return performPlan(t, h, envOf(h), 0, steps...)
}

// takeBack runs steps as one plan, and undoes them after a last step that calls a function
// and fails.
func takeBack(t testing.TB, h *simhost.Host, meantime func(), steps ...plan.Action[Env]) performed {
	t.Helper()
	last := probe{func(context.Context, Env, *plan.Call) error { meantime(); return errProbe }}
	return performPlan(t, h, envOf(h), len(steps)+1, append(steps, last)...)
}

func performPlan(t testing.TB, h *simhost.Host, e Env, commit int, steps ...plan.Action[Env]) (out performed) {
	t.Helper()
	ctx := t.Context()
	p := plan.Plan{Operation: "test", Subject: "web", Commit: commit}
	for _, a := range steps {
		p.Steps = append(p.Steps, plan.StepOf(a))
	}
	boot, err := h.Sim.BootID(ctx)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "journal")
	j, err := plan.Create(path, plan.Header{Key: "web", Boot: boot, Plan: p})
	require.NoError(t, err)
	op := events.NewOperation(events.Options{})
	span := op.Begin(events.JailStart{Jail: "web"})
	out.err = plan.Runner[Env]{Kinds: plan.NewKinds(Kinds()...)}.Run(ctx, e, j, span)
	span.Done("")
	require.NoError(t, op.Close(nil))
	for e := range op.Events() {
		if e.Head().Depth > 0 && e.Head().State.Final() {
			out.ended = append(out.ended, e)
		}
	}
	list, err := filepath.Glob(path)
	require.NoError(t, err)
	out.left = len(list) > 0
	return out
}

func envOf(h *simhost.Host) Env {
	environ := func(context.Context, bool) ([]string, error) { return []string{"IOC_NAME=web"}, nil }
	return Env{Host: h.Host, Name: "web", Run: &Run{Environ: environ}}
}

// newHost is a host without jails, with programs that are only there to run.
func newHost(t testing.TB, change ...func(*simhost.Options)) *simhost.Host {
	t.Helper()
	o := simhost.Options{
		Dir: t.TempDir(),
		Programs: map[string]simkernel.Program{
			"sleeper": func(_ context.Context, p *simkernel.Process) int { p.Sleep(time.Hour); return 0 },
		},
		Kernel: func(k *simkernel.Options) { k.Modules = append(k.Modules, "ipfw", "pf") },
	}
	for _, c := range change {
		c(&o)
	}
	h, err := simhost.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// makes creates datasets, as somebody else does.
func makes(t testing.TB, h *simhost.Host, names ...string) {
	t.Helper()
	for _, name := range names {
		require.NoError(t, h.ZFS.Create(t.Context(), name, zfsstore.CreateOptions{}))
	}
}

// makesOurs creates datasets that the operation has made.
func makesOurs(t testing.TB, h *simhost.Host, names ...string) {
	t.Helper()
	for _, name := range names {
		require.NoError(t, h.ZFS.Create(t.Context(), name, zfsstore.CreateOptions{Properties: Mark(byUs)}))
	}
}

func guidIn(t testing.TB, h *simhost.Host, name string) uint64 {
	t.Helper()
	d, err := h.ZFS.Get(t.Context(), name, zfsstore.GetOptions{})
	require.NoError(t, err)
	return d.GUID
}

func exists(t testing.TB, h *simhost.Host, name string) bool {
	t.Helper()
	_, err := h.ZFS.Get(t.Context(), name, zfsstore.GetOptions{})
	if !errors.Is(err, zfsstore.ErrNotFound) {
		require.NoError(t, err)
	}
	return err == nil
}

// mountedAt is where a dataset is mounted; empty if it is not.
func mountedAt(t testing.TB, h *simhost.Host, dataset string) string {
	t.Helper()
	mounts, err := h.Mounts(t.Context())
	require.NoError(t, err)
	path, _ := mounts.Dataset(dataset)
	return path
}

// runs creates a jail in a dataset.
func runs(t testing.TB, h *simhost.Host, name, dataset string, more ...kernel.Param) kernel.Identity {
	t.Helper()
	params := append([]kernel.Param{
		kernel.String("name", name), kernel.String("path", mountedAt(t, h, dataset)), kernel.Bool("persist", true),
	}, more...)
	jid, err := h.Sim.JailSet(t.Context(), kernel.JailCreate, params...)
	require.NoError(t, err)
	id, err := h.Sim.JailIdentify(t.Context(), 0, kernel.ByJID(jid))
	require.NoError(t, err)
	return id
}

// process starts a program in a jail, which ends with the jail or the host.
func process(t testing.TB, h *simhost.Host, id kernel.Identity, argv ...string) kernel.Process {
	t.Helper()
	started := make(chan kernel.Process, 1)
	failed := make(chan error, 1)
	go func() {
		_, err := h.Sim.Run(context.Background(), kernel.Command{
			Jail: id, Argv: argv, Started: func(p kernel.Process) error { started <- p; return nil },
		})
		failed <- err
	}()
	select {
	case p := <-started:
		return p
	case err := <-failed:
		t.Fatalf("%v has not run: %v", argv, err)
		return kernel.Process{}
	}
}

// called counts the calls of the kernel of one kind.
func called(h *simhost.Host, op string) (n int) {
	for _, c := range h.Sim.Calls() {
		if c.Op == op {
			n++
		}
	}
	return n
}

// kernelFails lets calls of the kernel fail.
func kernelFails(t testing.TB, h *simhost.Host, op string) (restore func()) {
	t.Helper()
	return h.Sim.Fail(t, fault.Fault{Op: op, Err: errProbe})
}

// zfsFails lets calls of ZFS fail.
func zfsFails(t testing.TB, h *simhost.Host, op string) (restore func()) {
	t.Helper()
	return h.ZFS.Fail(t, fault.Fault{Op: op, Err: errProbe})
}
