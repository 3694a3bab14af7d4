package jail_test

import (
	"context"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
)

// notAccessors are methods of a Jail that take no argument but a context, and more
// than read the jail: an operation, and probes that run commands in it.
var notAccessors = []string{"Save", "WaitReady", "Healthy", "ExecConsole"}

// accessors returns calls of every exported method of a jail that only reads it.
func accessors(ctx context.Context, j *jail.Jail) map[string]func() {
	calls := map[string]func(){}
	v := reflect.ValueOf(j)
	for i := range v.NumMethod() {
		name, method := v.Type().Method(i).Name, v.Method(i)
		if slices.Contains(notAccessors, name) {
			continue
		}
		in := func(types ...reflect.Type) bool {
			return method.Type().NumIn() == len(types) && !slices.ContainsFunc(slices.Collect(method.Type().Ins()), func(is reflect.Type) bool {
				return !slices.Contains(types, is)
			})
		}
		switch {
		case in():
			calls[name] = func() { method.Call(nil) }
		case in(reflect.TypeFor[context.Context]()):
			calls[name] = func() { method.Call([]reflect.Value{reflect.ValueOf(ctx)}) }
		case in(reflect.TypeFor[string]()): // of Field, GetString, HookScriptPath
			calls[name] = func() {
				for _, text := range []string{"name", "path", "user.team", "release"} {
					method.Call([]reflect.Value{reflect.ValueOf(text)})
				}
			}
		}
	}
	calls["Effects"] = func() { _, _ = j.Effects(ctx, "user.team", "memoryuse") }
	calls["CheckDepends"] = func() { _ = j.CheckDepends(ctx, "other") }
	return calls
}

// TestOperationsPublishSafely reads every accessor of a Jail, and what Config and
// Effective have returned, all the time that an operation of it runs. Before, the
// operation's goroutine wrote name, path and configuration into the Jail while others
// read them; package race found it for each operation that changes one of these.
func TestOperationsPublishSafely(t *testing.T) {
	names := map[string]bool{}
	for _, row := range operations() {
		t.Run(row.name, func(t *testing.T) {
			ctx := t.Context()
			h := row.setup(t)
			row.ready(t, ctx, h)
			var before *jail.Jail
			var passes atomic.Int64
			_, err := row.run(context.WithValue(ctx, readers{}, func(j *jail.Jail) func() {
				before = j
				calls, own, eff := accessors(ctx, j), j.Config(), j.Effective()
				for name := range calls {
					names[name] = true
				}
				pass := func() {
					for _, call := range calls {
						call()
					}
					for _, c := range []*config.Config{own, j.Config()} {
						for _, k := range c.Keys() {
							c.Raw(k)
						}
						_, _ = c.Encode()
						c.Changed()
						c.Problems()
					}
					key.Release.Of(eff)
					key.Release.Of(j.Effective())
					assert.Same(t, own, j.Config())
					assert.Contains(t, []string{"web", "second"}, j.Name())
					passes.Add(1)
				}
				done := make(chan struct{})
				var reading sync.WaitGroup
				reading.Go(func() {
					for {
						pass()
						select {
						case <-done:
							return
						default:
							runtime.Gosched()
						}
					}
				})
				for passes.Load() == 0 {
					runtime.Gosched()
				}
				return func() {
					close(done)
					reading.Wait()
				}
			}), h)
			require.NoError(t, err)
			require.NotNil(t, before, "the operation's jail was read")
			require.Greater(t, passes.Load(), int64(1))
		})
	}
	for _, name := range []string{"Config", "Effective", "FullName", "GetString", "Field", "Identity", "Name", "Path", "Status", "String", "Storage"} {
		require.True(t, names[name], name)
	}
}

// TestOperationWaitedForRename: an operation that waited while its jail was renamed is
// refused. Before, it went on under the new name with the lock of the old one.
func TestOperationWaitedForRename(t *testing.T) {
	h := storageHost(t)
	j := loaded(t, t.Context(), h, "web")
	waited := make(chan error, 1)
	var once sync.Once
	ctx := plan.WithFault(t.Context(), func(plan.Point) error {
		once.Do(func() {
			op := j.Generator().CreateSnapshot(jail.SnapshotOptions{Name: "s", Busy: jail.BusyWait})
			ch := op.Events(t.Context())
			time.Sleep(100 * time.Millisecond) // it waits for the lock
			go func() {
				_, err := events.Collect(t.Context(), ch)
				waited <- err
			}()
		})
		return nil
	})
	_, err := j.Rename(ctx, jail.RenameOptions{Name: "second"})
	require.NoError(t, err)
	require.ErrorIs(t, <-waited, jail.ErrNotFound)
	require.False(t, hasSnapshot(t, t.Context(), j, "s"))
}
