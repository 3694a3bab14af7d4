package jail_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/catch"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// panicStore and panicKernel stand for a program's own that have a mistake.
type panicStore struct{ zfsstore.Store }

func (panicStore) Snapshot(context.Context, string, zfsstore.SnapshotOptions) error {
	panic("of the store")
}

type panicKernel struct{ kernel.Kernel }

func (panicKernel) JailSet(context.Context, kernel.SetFlags, ...kernel.Param) (int, error) {
	panic("of the kernel")
}

// TestPanicOfThePrograms: a panic in the program's own Store or Kernel, which an
// operation calls in a goroutine of the library, is the operation's error, and what
// was done until then is undone.
func TestPanicOfThePrograms(t *testing.T) {
	ctx := t.Context()
	h := newHost(t)
	web := newJail(t, h, "web", false, nil)
	before := world(t, h)
	store, k := h.Store, h.Kernel
	h.Store, h.Host.Kernel = panicStore{store}, panicKernel{k}
	for name, run := range map[string]func() ([]events.IocEvent, error){
		"store":  func() ([]events.IocEvent, error) { return web.CreateSnapshot(ctx, jail.SnapshotOptions{Name: "s"}) },
		"kernel": func() ([]events.IocEvent, error) { return web.Start(ctx, jail.StartOptions{}) },
	} {
		_, err := run()
		var panicked *catch.PanicError
		require.ErrorAs(t, err, &panicked, name)
		require.Equal(t, "of the "+name, panicked.Value)
		require.Contains(t, string(panicked.Stack), "panic_test.go")
	}
	h.Store, h.Host.Kernel = store, k
	requireSame(t, before, world(t, h))
}

// TestZeroJail: a Jail that neither New nor Load has made, or a nil one, and a nil
// context are errors of every operation.
func TestZeroJail(t *testing.T) {
	h := newHost(t)
	web := newJail(t, h, "web", false, nil)
	for name, g := range map[string]*jail.JailGenerator{
		"zero": new(jail.Jail).Generator(), "nil": (*jail.Jail)(nil).Generator(), "zero generator": {}, "nil context": web.Generator(),
	} {
		ctx := t.Context()
		if name == "nil context" {
			ctx = nil
		}
		v := reflect.ValueOf(g)
		for i := range v.NumMethod() {
			var args []reflect.Value
			for n := range v.Method(i).Type().NumIn() {
				args = append(args, reflect.Zero(v.Method(i).Type().In(n)))
			}
			t.Run(name+"/"+v.Type().Method(i).Name, func(t *testing.T) {
				op := v.Method(i).Call(args)[0].Interface().(*jail.Operation)
				_, err := op.Plan(ctx)
				require.Error(t, err)
				_, err = op.Run(ctx)
				require.Error(t, err)
			})
		}
	}
	require.False(t, web.Status().Running)
}

// TestNilArguments: a nil host or context, and a Jail that neither New nor Load has made,
// are errors of calls that do not make an Operation. They panicked.
func TestNilArguments(t *testing.T) {
	h := newHost(t)
	web := newJail(t, h, "web", false, nil)
	exec := func(ctx context.Context, j *jail.Jail) error {
		_, err := j.Exec(ctx, []string{"true"}, jail.ExecOptions{})
		return err
	}
	running := func(ctx context.Context, j *jail.Jail) error {
		_, err := j.Running(ctx)
		return err
	}
	calls := map[string]func(ctx context.Context, h *host.Host) error{
		"New": func(ctx context.Context, h *host.Host) error {
			_, err := jail.New(ctx, h, jail.Spec{Name: "x"})
			return err
		},
		"Load": func(ctx context.Context, h *host.Host) error {
			_, err := jail.Load(ctx, h, "web")
			return err
		},
		"Recover": func(ctx context.Context, h *host.Host) error {
			_, err := jail.Recover(ctx, h)
			return err
		},
		"List": func(ctx context.Context, h *host.Host) error {
			for _, err := range jail.List(ctx, h) {
				return err
			}
			return nil
		},
		"sorted List": func(ctx context.Context, h *host.Host) error {
			for _, err := range (jail.ListOptions{Sort: []string{"name"}}).List(ctx, h) {
				return err
			}
			return nil
		},
	}
	for name, call := range calls {
		require.EqualError(t, call(t.Context(), nil), "host is nil", name)
		require.EqualError(t, call(nil, h.Host), "context is nil", name) //nolint:staticcheck // that is what is tested
	}
	for name, call := range map[string]func(context.Context, *jail.Jail) error{"Exec": exec, "Running": running} {
		require.EqualError(t, call(nil, web), "context is nil", name) //nolint:staticcheck // that is what is tested
		for _, j := range []*jail.Jail{nil, new(jail.Jail)} {
			require.EqualError(t, call(t.Context(), j), "neither New nor Load has made this Jail", name)
		}
	}
}
