package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/jail/fleet"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// nextChange waits for one change.
func nextChange(t *testing.T, next func() (fleet.Change, error, bool)) fleet.Change {
	t.Helper()
	c, err, ok := next()
	require.True(t, ok)
	require.NoError(t, err)
	return c
}

// replaceFile is one change: a look between making a file and writing into it
// would see two.
func replaceFile(t *testing.T, h *simhost.Host, dataset, name, text string) {
	t.Helper()
	file := filepath.Join(jailtest.Mountpoint(t, h, dataset), name)
	require.NoError(t, os.WriteFile(file+".new", []byte(text), 0o644))
	require.NoError(t, os.Rename(file+".new", file))
}

func TestWatch(t *testing.T) {
	for _, release := range []string{"13.2-RELEASE", "15.1-RELEASE"} {
		t.Run(release, func(t *testing.T) {
			h := jailtest.OpenHost(t, simhost.Options{Release: release})
			jailtest.PutPlain(t, h, "a", nil)
			jailtest.PutPlain(t, h, "b", nil)
			idB := jailtest.Up(t, h, "ioc-b")
			foreign := jailtest.Up(t, h, "other")
			// A change that is never told ends the test, not the patience for it.
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
			before := runtime.NumGoroutine()
			o := fleet.WatchOptions{Interval: 5 * time.Millisecond, Params: true}
			next, stop := iter.Pull2(o.Watch(ctx, h.Host))
			defer stop()
			want := func(c fleet.Change) {
				t.Helper()
				require.Equal(t, c, nextChange(t, next))
			}
			want(fleet.Change{Kind: fleet.ChangeThere, Jail: "a"})
			want(fleet.Change{Kind: fleet.ChangeThere, Jail: "b", Identity: idB})
			want(fleet.Change{Kind: fleet.ChangeThere, Jail: "other", Foreign: true, Identity: foreign})
			want(fleet.Change{Kind: fleet.ChangeSnapshot})

			idA := jailtest.Up(t, h, "ioc-a")
			want(fleet.Change{Kind: fleet.ChangeStarted, Jail: "a", Identity: idA})
			_, err := h.Sim.JailSet(ctx, kernel.JailUpdate, kernel.ByName("ioc-a"), kernel.String("host.hostname", "x"))
			require.NoError(t, err)
			want(fleet.Change{Kind: fleet.ChangeParams, Jail: "a", Identity: idA})
			replaceFile(t, h, simhost.Dataset+"/jails/b", "config.json", jailtest.Plain(map[string]string{"boot": "yes"}))
			want(fleet.Change{Kind: fleet.ChangeConfig, Jail: "b", Identity: idB})
			require.NoError(t, h.Sim.JailRemove(ctx, foreign))
			want(fleet.Change{Kind: fleet.ChangeStopped, Jail: "other", Foreign: true, Identity: foreign})
			require.NoError(t, h.Sim.JailRemove(ctx, idA))
			want(fleet.Change{Kind: fleet.ChangeStopped, Jail: "a", Identity: idA})
			require.NoError(t, h.ZFS.Destroy(ctx, simhost.Dataset+"/jails/a", zfsstore.DestroyOptions{Recursive: true}))
			c := nextChange(t, next)
			if c == (fleet.Change{Kind: fleet.ChangeConfig, Jail: "a"}) { // its files go first
				c = nextChange(t, next)
			}
			require.Equal(t, fleet.Change{Kind: fleet.ChangeDestroyed, Jail: "a"}, c)
			require.NoError(t, h.ZFS.Create(ctx, simhost.Dataset+"/jails/c", zfsstore.CreateOptions{}))
			want(fleet.Change{Kind: fleet.ChangeCreated, Jail: "c"})
			replaceFile(t, h, simhost.Dataset+"/jails/c", "config.json", "{}")
			want(fleet.Change{Kind: fleet.ChangeConfig, Jail: "c"})
			replaceFile(t, h, simhost.Dataset+"/jails/c", "fstab", "# x\n")
			want(fleet.Change{Kind: fleet.ChangeConfig, Jail: "c"})
			replaceFile(t, h, simhost.Dataset, "defaults.json", "{}")
			want(fleet.Change{Kind: fleet.ChangeConfig, Jail: "b", Identity: idB})
			want(fleet.Change{Kind: fleet.ChangeConfig, Jail: "c"})

			cancel()
			_, err, ok := next()
			require.True(t, ok)
			require.ErrorIs(t, err, context.Canceled)
			stop()
			for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
				require.True(t, time.Now().Before(deadline), "goroutines are left")
			}
		})
	}
}

// TestWatchTellsOfTheSameText: a reader that looks at a file after the report of
// a change may see what exists for a moment only. The old text that comes back
// is a change for it.
func TestWatchTellsOfTheSameText(t *testing.T) {
	h := jailtest.OpenHost(t, simhost.Options{})
	jailtest.PutPlain(t, h, "a", nil)
	file := filepath.Join(jailtest.Mountpoint(t, h, simhost.Dataset+"/jails/a"), "config.json")
	replace := func(text string) {
		t.Helper()
		replaceFile(t, h, simhost.Dataset+"/jails/a", "config.json", text)
	}
	next, stop := iter.Pull2(fleet.WatchOptions{Interval: 20 * time.Millisecond}.Watch(t.Context(), h.Host))
	defer stop()
	for nextChange(t, next).Kind != fleet.ChangeSnapshot {
	}
	old, err := os.ReadFile(file)
	require.NoError(t, err)
	replace("{}")
	replace(string(old))
	require.Equal(t, fleet.Change{Kind: fleet.ChangeConfig, Jail: "a"}, nextChange(t, next))
}

// TestWatchTellsOnce: a file that is replaced while it is looked at has changed
// once.
func TestWatchTellsOnce(t *testing.T) {
	t.Parallel()
	h := jailtest.OpenHost(t, simhost.Options{})
	jailtest.PutPlain(t, h, "a", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	next, stop := iter.Pull2(fleet.WatchOptions{Interval: 100 * time.Microsecond}.Watch(ctx, h.Host))
	defer stop()
	for nextChange(t, next).Kind != fleet.ChangeSnapshot {
	}
	for n := range 1000 {
		time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond) // at any moment of a look
		replaceFile(t, h, simhost.Dataset+"/jails/a", "config.json", jailtest.Plain(map[string]string{"user.n": fmt.Sprint(n)}))
		require.Equal(t, fleet.Change{Kind: fleet.ChangeConfig, Jail: "a"}, nextChange(t, next))
	}
	jailtest.Up(t, h, "ioc-a")
	require.Equal(t, fleet.ChangeStarted, nextChange(t, next).Kind)
}

// TestWatchProcesses: the end of the last process of a jail that stays is told.
func TestWatchProcesses(t *testing.T) {
	h := jailtest.OpenHost(t, simhost.Options{Programs: map[string]simkernel.Program{
		"service": func(ctx context.Context, _ *simkernel.Process) int { <-ctx.Done(); return 0 },
	}})
	jailtest.PutPlain(t, h, "web", nil)
	jailtest.WriteRoot(t, h, "web", "bin/service")
	j := jailtest.Load(t, h, "web")[0]
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err := j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	run, kill := context.WithCancel(ctx)
	defer kill()
	go j.Exec(run, []string{"/bin/service"}, jail.ExecOptions{})
	id, err := j.Identity(ctx)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		list, err := h.Sim.ProcessList(ctx, id.JID)
		return err == nil && len(list) > 0
	}, 10*time.Second, time.Millisecond)
	o := fleet.WatchOptions{Interval: 5 * time.Millisecond, Processes: true}
	for c, err := range o.Watch(ctx, h.Host) {
		require.NoError(t, err)
		if c.Kind == fleet.ChangeSnapshot {
			time.AfterFunc(20*time.Millisecond, kill)
		}
		if c.Kind == fleet.ChangeDied {
			require.Equal(t, id, c.Identity)
			break
		}
	}
}

// TestWatchFails: what keeps it from looking ends the watch and is told.
func TestWatchFails(t *testing.T) {
	h := jailtest.OpenHost(t, simhost.Options{})
	for _, op := range []string{"getfsstat", "jail_get", "features"} {
		cancel := h.Sim.Fail(t, fault.Fault{Op: op, Err: errInjected})
		var last error
		for _, err := range fleet.Watch(context.Background(), h.Host) {
			last = err
		}
		cancel()
		require.ErrorIs(t, last, errInjected, op)
	}
}

// lookKernel counts the changes between one list of jails and the next: what a
// watch has to tell.
type lookKernel struct {
	kernel.Kernel
	mu      sync.Mutex
	last    map[string]kernel.Identity
	changes int
}

func (k *lookKernel) JailList(ctx context.Context, flags kernel.GetFlags, want ...string) iter.Seq2[kernel.Params, error] {
	return func(yield func(kernel.Params, error) bool) {
		now := map[string]kernel.Identity{}
		for p, err := range k.Kernel.JailList(ctx, flags, want...) {
			if err == nil {
				now[p.String("name")] = kernel.Identity{JID: p.Int("jid"), Name: p.String("name"), Incarnation: uint64(p.Int("cpuset.id"))}
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.last != nil {
			for name, id := range k.last {
				if now[name] != id {
					k.changes++
				}
			}
			for name, id := range now {
				if k.last[name] != id {
					k.changes++
				}
			}
		}
		k.last = now
	}
}

// reader follows a watch and keeps what it believes.
type reader struct {
	host     *host.Host
	kernel   *lookKernel
	mu       sync.Mutex
	there    map[string]bool
	identity map[string]kernel.Identity
	conf     map[string]string
	told     int // changes of run state
	merged   int
	wrong    string
}

func (r *reader) take(c fleet.Change, path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fail := func(format string, args ...any) {
		if r.wrong == "" {
			r.wrong = fmt.Sprintf("%v %s: ", c.Kind, c.Jail) + fmt.Sprintf(format, args...)
		}
	}
	r.merged += c.Merged
	was := r.identity[c.Jail]
	switch c.Kind {
	case fleet.ChangeThere:
		r.there[c.Jail] = !c.Foreign
		r.identity[c.Jail] = c.Identity
	case fleet.ChangeStarted:
		r.told++
		if !was.IsZero() {
			fail("%v runs", was)
		}
		r.identity[c.Jail] = c.Identity
	case fleet.ChangeStopped:
		r.told++
		if was != c.Identity {
			fail("%v runs, not %v", was, c.Identity)
		}
		r.identity[c.Jail] = kernel.Identity{}
	case fleet.ChangeCreated:
		if r.there[c.Jail] {
			fail("was there")
		}
		r.there[c.Jail] = true
	case fleet.ChangeDestroyed:
		if !r.there[c.Jail] {
			fail("did not exist")
		}
		r.there[c.Jail] = false
	}
	if !c.Foreign && c.Kind != fleet.ChangeSnapshot && c.Kind != fleet.ChangeDestroyed {
		// Unmounted for a moment that no poll sees, it does not exist for a moment.
		file, deadline := filepath.Join(path, c.Jail, "config.json"), time.Now().Add(30*time.Second)
		data, err := os.ReadFile(file)
		for ; errors.Is(err, fs.ErrNotExist) && time.Now().Before(deadline); data, err = os.ReadFile(file) {
			time.Sleep(time.Millisecond)
		}
		if err != nil {
			fail("%v", err)
		}
		r.conf[c.Jail] = string(data)
	}
}

// TestWatchStorm: 16 writers make 10,000 random changes, readers connect at any
// moment and sleep at random. Each ends with the true state; none is told
// anything that cannot be; every change of an identity or of the run state that
// a look found is told, or counted by a mark.
func TestWatchStorm(t *testing.T) {
	t.Parallel()
	for _, release := range []string{"13.2-RELEASE", "15.1-RELEASE"} {
		t.Run(release, func(t *testing.T) { watchStorm(t, release) })
	}
}

func watchStorm(t *testing.T, release string) {
	const writers, jails = 16, 32
	changes := 10000
	if jailtest.Brief() {
		changes = 3200
	}
	if testing.Short() {
		changes = 800
	}
	h := jailtest.OpenHost(t, simhost.Options{Release: release})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var locks [jails]sync.Mutex
	name := func(i int) string { return fmt.Sprintf("j%02d", i) }
	dataset := func(i int) string { return simhost.Dataset + "/jails/" + name(i) }
	for i := range jails - 4 { // four more are foreign
		jailtest.PutPlain(t, h, name(i), nil)
	}
	base := jailtest.Mountpoint(t, h, simhost.Dataset+"/jails")

	var done atomic.Int64
	change := func(r *rand.Rand) error {
		i := r.IntN(jails)
		locks[i].Lock()
		defer locks[i].Unlock()
		kernelName, root := "ioc-"+name(i), filepath.Join(base, name(i), "root")
		if i >= jails-4 {
			kernelName, root = "foreign"+name(i), "/"
		}
		switch n := r.IntN(20); {
		case n < 11 || i >= jails-4:
			id, err := h.Sim.JailIdentify(ctx, 0, kernel.ByName(kernelName))
			if errors.Is(err, kernel.ErrNotFound) {
				_, err = h.Sim.JailSet(ctx, kernel.JailCreate, kernel.String("name", kernelName), kernel.String("path", root), kernel.Bool("persist", true))
				return err
			}
			if err != nil {
				return err
			}
			return h.Sim.JailRemove(ctx, id)
		case n < 19:
			path := filepath.Join(base, name(i), "config.json")
			text := jailtest.Plain(map[string]string{"user.n": fmt.Sprint(r.IntN(3))}) // often the same length, or the same text
			if n%2 == 0 {
				return os.WriteFile(path, []byte(text), 0o644)
			}
			if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		default:
			err := h.ZFS.Unmount(ctx, dataset(i), true)
			if err != nil {
				return err
			}
			time.Sleep(time.Duration(r.IntN(3)) * time.Millisecond)
			return h.ZFS.Mount(ctx, dataset(i))
		}
	}
	var writing, reading sync.WaitGroup
	for n := range writers {
		writing.Go(func() {
			r := rand.New(rand.NewPCG(uint64(n), 11))
			for range changes / writers {
				if err := change(r); err != nil {
					t.Errorf("%v", err)
					return
				}
				done.Add(1)
			}
		})
	}
	var readers []*reader
	for n := range 4 {
		k := &lookKernel{Kernel: h.Sim}
		other, err := host.New(h.ZFS, k, host.Options{Sources: []host.Source{{Name: "ioc", Dataset: simhost.Dataset}}, Files: h.Files()})
		require.NoError(t, err)
		rd := &reader{host: other, kernel: k, there: map[string]bool{}, identity: map[string]kernel.Identity{}, conf: map[string]string{}}
		readers = append(readers, rd)
		r := rand.New(rand.NewPCG(uint64(n), 13))
		connect := int64(r.IntN(changes * 3 / 4))
		reading.Go(func() {
			for done.Load() < connect && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			for c, err := range (fleet.WatchOptions{Interval: 5 * time.Millisecond}).Watch(ctx, other) {
				if err != nil {
					return
				}
				rd.take(c, base)
				if n > 0 && r.IntN(40) == 0 { // the first one is always quick
					time.Sleep(time.Duration(r.IntN(60*n)) * time.Millisecond)
				}
			}
		})
	}
	writing.Wait()
	require.EqualValues(t, changes, done.Load())

	// What is true now, and what each reader has to believe sooner or later.
	truth := func() (there map[string]bool, ids map[string]kernel.Identity, conf map[string]string) {
		there, ids, conf = map[string]bool{}, map[string]kernel.Identity{}, map[string]string{}
		for i := range jails - 4 {
			data, err := os.ReadFile(filepath.Join(base, name(i), "config.json"))
			require.NoError(t, err)
			there[name(i)], conf[name(i)] = true, string(data)
		}
		for p, err := range h.Sim.JailList(ctx, 0, "cpuset.id") {
			require.NoError(t, err)
			id := kernel.Identity{JID: p.Int("jid"), Name: p.String("name"), Incarnation: uint64(p.Int("cpuset.id"))}
			ids[strings.TrimPrefix(id.Name, "ioc-")] = id
		}
		return there, ids, conf
	}
	there, ids, confs := truth()
	believes := func(r *reader) string {
		r.mu.Lock()
		defer r.mu.Unlock()
		for name := range there {
			if !r.there[name] {
				return name + " does not exist"
			}
			if r.conf[name] != confs[name] {
				return name + " has another configuration"
			}
		}
		for name, id := range ids {
			if r.identity[name] != id {
				return fmt.Sprintf("%s is %v, not %v", name, r.identity[name], id)
			}
		}
		for name, id := range r.identity {
			if id != ids[name] {
				return fmt.Sprintf("%s is %v, not %v", name, id, ids[name])
			}
		}
		return ""
	}
	for n, r := range readers {
		deadline := time.Now().Add(time.Minute)
		for believes(r) != "" && time.Now().Before(deadline) {
			time.Sleep(5 * time.Millisecond)
		}
		require.Empty(t, believes(r), "reader %d", n)
	}
	cancel()
	reading.Wait()
	for n, r := range readers {
		require.Empty(t, r.wrong, "reader %d", n)
		t.Logf("reader %d: %d changes of run state seen by looks, %d told, %d changes merged", n, r.kernel.changes, r.told, r.merged)
		require.GreaterOrEqual(t, r.told+r.merged, r.kernel.changes, "reader %d", n)
		require.Positive(t, r.told)
	}
}
