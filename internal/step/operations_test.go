package step_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
)

var update = flag.Bool("update", false, "write the files of testdata/operations")

// scenario is a host and what is done on it, one after the other.
type scenario struct {
	name string
	host func(t testing.TB) *simhost.Host
	acts []act
}

// act is one operation, or, without an operation, something that is done by hand.
type act struct {
	name string
	op   func(ctx context.Context, h *simhost.Host) (*jail.Operation, error)
	hand func(t testing.TB, h *simhost.Host)
	// other is something else that can fail.
	other func(ctx context.Context, h *simhost.Host) ([]events.IocEvent, error)
	fail  error // with which the operation ends
	// once is for what neither fails nor crashes in the test: it leaves something of the
	// host's, such as a kernel module, or it has two plans.
	once bool
}

// errHook stands for any *jail.HookError.
var errHook = errors.New("hook failed")

// refused is an act that ends with an error.
func refused(a act, err error) act {
	a.fail = err
	return a
}

// once is an act that neither fails nor crashes.
func once(a act) act {
	a.once = true
	return a
}

// onJail is an operation of a jail that exists.
func onJail(name, jailName string, op func(g *jail.JailGenerator) *jail.Operation) act {
	return act{name: name, op: func(ctx context.Context, h *simhost.Host) (*jail.Operation, error) {
		j, err := jail.Load(ctx, h.Host, jailName)
		if err != nil {
			return nil, err
		}
		return op(j.Generator()), nil
	}}
}

// create is the operation that makes a jail of the tests' release.
func create(name string, o jail.CreateOptions, properties map[string]string) act {
	return act{name: "create " + name, op: func(ctx context.Context, h *simhost.Host) (*jail.Operation, error) {
		j, err := jail.New(ctx, h.Host, jail.Spec{Name: name, Properties: properties})
		if err != nil {
			return nil, err
		}
		if o == (jail.CreateOptions{}) || o.Basejail {
			o.Release = jailtest.Release
		}
		return j.Generator().Create(o), nil
	}}
}

func start(name string) act {
	return onJail("start "+name, name, func(g *jail.JailGenerator) *jail.Operation { return g.Start(jail.StartOptions{}) })
}

func stop(name string) act {
	return onJail("stop "+name, name, func(g *jail.JailGenerator) *jail.Operation { return g.Stop(jail.StopOptions{}) })
}

func destroy(name string) act {
	return onJail("destroy "+name, name, func(g *jail.JailGenerator) *jail.Operation {
		return g.Destroy(jail.DestroyOptions{Force: true})
	})
}

// byHand is something that somebody does in the meantime.
func byHand(name string, do func(t testing.TB, h *simhost.Host)) act {
	return act{name: name, hand: do}
}

// run does it, with events that say what the steps found.
func (a act) run(ctx context.Context, t testing.TB, h *simhost.Host) ([]events.IocEvent, error) {
	if a.hand != nil {
		a.hand(t, h)
		return nil, nil
	}
	if a.other != nil {
		return a.other(ctx, h)
	}
	op, err := a.op(ctx, h)
	if err != nil {
		return nil, err
	}
	return op.Run(ctx)
}

// ended requires the error that the act is to end with.
func (a act) ended(t testing.TB, err error) {
	switch {
	case a.fail == nil:
		require.NoError(t, err, a.name)
	case errors.Is(a.fail, errHook):
		_, ok := errors.AsType[*jail.HookError](err)
		require.True(t, ok, "%s: %v", a.name, err)
	default:
		require.ErrorIs(t, err, a.fail, a.name)
	}
}

// TestOperations compares what each operation plans, tells and changes with a file of
// testdata/operations. Then it lets it fail and crash after each step: the host is as it
// was before, or as it is to be once there is no way back.
func TestOperations(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			h := s.host(t)
			var text strings.Builder
			for i, a := range s.acts {
				fmt.Fprintf(&text, "== %s\n", a.name)
				var steps []jail.PlanStep
				if a.op != nil && a.fail == nil {
					steps = a.steps(t, h)
					for _, one := range steps {
						fmt.Fprintf(&text, "plan %s: %s\n", one.Kind, one.Detail)
					}
				}
				before := look(t, h)
				if !a.once {
					s.failures(t, h, i, steps)
				}
				all, err := a.run(t.Context(), t, h)
				a.ended(t, err)
				if err != nil {
					fmt.Fprintf(&text, "error %v\n", err)
				}
				for _, e := range all {
					if head := e.Head(); head.Depth > 0 && (head.State == events.Skipped || head.State == events.Failed) {
						fmt.Fprintf(&text, "%s\n", events.Line(e))
					}
				}
				after := look(t, h)
				text.WriteString(shorten(difference(before, after)))
				if !a.once {
					s.forward(t, i, steps, after)
				}
			}
			golden(t, s.name, clean(h, text.String()))
		})
	}
}

// steps is the plan of the operation.
func (a act) steps(t testing.TB, h *simhost.Host) []jail.PlanStep {
	op, err := a.op(t.Context(), h)
	require.NoError(t, err, a.name)
	p, err := op.Plan(t.Context())
	require.NoError(t, err, a.name)
	return p.Steps()
}

var errInjected = errors.New("injected")

// failures lets an act fail after each step that has a way back, once with an error and
// once with a crash that Recover clears. The host must be as before.
func (s scenario) failures(t *testing.T, h *simhost.Host, i int, steps []jail.PlanStep) {
	before := look(t, h)
	for n, one := range steps {
		if !one.Undo {
			return
		}
		for _, with := range []error{errInjected, plan.ErrCrash} {
			_, err := s.acts[i].run(plan.WithFault(t.Context(), after(n, with)), t, h)
			require.ErrorIs(t, err, with, "%s: %s", s.acts[i].name, one.Kind)
			if errors.Is(with, plan.ErrCrash) {
				_, err = jail.Recover(t.Context(), h.Host)
				require.NoError(t, err, "%s: %s", s.acts[i].name, one.Kind)
			}
			require.Empty(t, difference(before, look(t, h)), "%s: %v after %s", s.acts[i].name, with, one.Kind)
		}
	}
}

// forward lets an act crash after each step that has no way back, on a host of its own.
// Recover brings it to where the act ends.
func (s scenario) forward(t *testing.T, i int, steps []jail.PlanStep, want []string) {
	for n, one := range steps {
		if one.Undo {
			continue
		}
		h := s.host(t)
		for _, a := range s.acts[:i] {
			_, err := a.run(t.Context(), t, h)
			a.ended(t, err)
		}
		_, err := s.acts[i].run(plan.WithFault(t.Context(), after(n, plan.ErrCrash)), t, h)
		require.ErrorIs(t, err, plan.ErrCrash, "%s: %s", s.acts[i].name, one.Kind)
		_, err = jail.Recover(t.Context(), h.Host)
		require.NoError(t, err, "%s: %s", s.acts[i].name, one.Kind)
		require.Empty(t, difference(want, look(t, h)), "%s: crash after %s", s.acts[i].name, one.Kind)
		require.NoError(t, h.Close())
	}
}

// after is a fault after one step of a plan.
func after(step int, err error) func(plan.Point) error {
	return func(p plan.Point) error {
		if p.Phase == "done" && p.Index == step {
			return err
		}
		return nil
	}
}

// look is the world of a host, whatever directory it is in.
func look(t testing.TB, h *simhost.Host) []string {
	lines := jailtest.World(t, h)
	for i, l := range lines {
		lines[i] = strings.TrimSuffix(clean(h, l), "\n")
	}
	slices.Sort(lines)
	return lines
}

// clean takes out the host's directory, with and without its leading slash, how long
// events took, and guids.
func clean(h *simhost.Host, text string) string {
	dir := filepath.Dir(h.CacheDir())
	text = strings.ReplaceAll(strings.ReplaceAll(text, dir, ""), strings.TrimPrefix(dir, "/"), "")
	text = identified.ReplaceAllString(text, "$1")
	return guids.ReplaceAllString(took.ReplaceAllString(text, ""), "GUID")
}

// identified are files that hold the random identity of an operation.
var identified = regexp.MustCompile(`(file (?:db/\S+\.(?:journal|bad)\S*|\S+/\.operations/\S+) \S+) [0-9a-f]+`)

var guids = regexp.MustCompile(`-?\b[0-9]{15,20}\b`)

var took = regexp.MustCompile(` \[[0-9]+\.[0-9]+s\]`)

// difference lists what only one of two worlds has.
func difference(before, after []string) string {
	var out strings.Builder
	for _, l := range before {
		if _, ok := slices.BinarySearch(after, l); !ok {
			fmt.Fprintf(&out, "- %s\n", l)
		}
	}
	for _, l := range after {
		if _, ok := slices.BinarySearch(before, l); !ok {
			fmt.Fprintf(&out, "+ %s\n", l)
		}
	}
	return out.String()
}

// shorten leaves out what says little: parameters of a jail that are zero. Of many files
// of one root it gives their number and a digest.
func shorten(text string) string {
	files := map[string][]string{} // by sign and root
	var out []string
	for _, l := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if text == "" {
			break
		}
		if root, ok := rootOf(l); ok {
			files[root] = append(files[root], l)
		} else if !strings.HasPrefix(l[2:], "jail ") || !zero.MatchString(l) {
			out = append(out, l)
		}
	}
	for _, root := range slices.Sorted(maps.Keys(files)) {
		list := files[root]
		if len(list) > 8 {
			list = []string{fmt.Sprintf("%s/: %d files, %.8x", root, len(list), sha256.Sum256([]byte(strings.Join(list, "\n"))))}
		}
		out = append(out, list...)
	}
	if len(out) == 0 {
		return ""
	}
	return strings.Join(out, "\n") + "\n"
}

// zero is a parameter that is 0, or an empty list.
var zero = regexp.MustCompile(`="(\\x00)*"$`)

// rootOf is the sign, and what a file's path begins with up to the jail's root.
func rootOf(line string) (string, bool) {
	before, _, ok := strings.Cut(line, "/root/")
	return before + "/root", ok && strings.HasPrefix(line[2:], "file ")
}

// golden compares a text with its file.
func golden(t *testing.T, name, got string) {
	path := filepath.Join("testdata", "operations", strings.ReplaceAll(name, " ", "-")+".txt")
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	if string(want) != got {
		jailtest.RequireSame(t, strings.Split(string(want), "\n"), strings.Split(got, "\n"))
		t.Errorf("%s has its lines in another order", path)
	}
}
