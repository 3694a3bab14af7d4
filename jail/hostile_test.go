package jail_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/fstab"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/saferoot"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

const secret = "nameserver 203.0.113.66 # of the host"

// victim is a directory of the host that a jail's links point at: what an
// operation does there is an escape.
type victim struct {
	dir    string
	before []string
}

func newVictim(t testing.TB) *victim {
	t.Helper()
	dir, err := filepath.EvalSymlinks(memoryDir(t))
	require.NoError(t, err)
	// What an operation would make is missing, and what it would remove exists.
	for _, d := range []string{
		"etc", "dev/fd", "bin", "mnt/deep", "mnt/own", "srv/src", "srv/in", "usr", "full/usr/lib32", "full/usr/libdata",
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, d), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "etc/resolv.conf"), []byte(secret), 0o600))
	v := &victim{dir: dir}
	v.before = v.list(t)
	return v
}

func (v *victim) list(t testing.TB) (out []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(v.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		// The time reveals what existed for a moment only.
		line := fmt.Sprintf("%s %v %d", path, info.Mode(), info.ModTime().UnixNano())
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %q", data)
		}
		out = append(out, line)
		return nil
	}))
	return out
}

// untouched checks that nothing was written, created or mounted outside the
// root, and that nothing of outside was read into the jail, if its root is given.
func (v *victim) untouched(t testing.TB, h *host.Host, root string) {
	t.Helper()
	require.Equal(t, v.before, v.list(t), "the host's directory was changed")
	mounts, err := h.Mounts(context.Background())
	require.NoError(t, err)
	for _, m := range mounts {
		require.False(t, strings.HasPrefix(m.Path, v.dir), "%s is mounted on %s", m.Type, m.Path)
	}
	if root == "" {
		return
	}
	inside, err := os.OpenRoot(root)
	require.NoError(t, err)
	defer inside.Close()
	require.NoError(t, fs.WalkDir(inside.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // it may be swapped just now
		}
		if data, err := inside.ReadFile(path); err == nil && bytes.Contains(data, []byte("203.0.113.66")) {
			t.Fatalf("%s holds what the host's file says", path)
		}
		return nil
	}))
}

// links are the places that a jail's owner can turn into links, each with where
// the link points.
func (v *victim) links(basejail bool) map[string][]string {
	out := map[string][]string{}
	places := []string{"etc", "etc/resolv.conf", "dev", "dev/fd", "mnt", "mnt/deep", "mnt/own", "srv", "srv/src", "srv/in"}
	if basejail {
		places = append(places, "bin", "usr")
		out["usr"] = []string{v.dir + "/full/usr"}
	}
	for _, place := range places {
		out[place] = append(out[place], v.dir+"/"+place)
	}
	return out
}

// hostile are the jails of these tests, by what is in them: the root, opened so
// that a link does not lead the jail's owner out of it.
type hostile struct {
	*jail.Jail
	host   *host.Host
	root   string
	inside *os.Root
	v      *victim
	links  map[string][]string
	kernel *placeKernel
}

// placeKernel looks at every mount at the moment it is made.
type placeKernel struct {
	kernel.Kernel
	sim          *simkernel.Kernel
	root, victim string
	still        bool // nobody swaps just now, so what a mount shows can be asked

	mu     sync.Mutex
	astray []string
}

func (k *placeKernel) Nmount(ctx context.Context, req kernel.MountRequest) (kernel.Mounted, error) {
	m, err := k.Kernel.Nmount(ctx, req)
	if err != nil {
		return m, err
	}
	shown := ""
	if k.still {
		shown, _ = k.sim.Resolve(m.Path)
	}
	if !strings.HasPrefix(m.Path, k.root+"/") || m.Path != req.Path || strings.HasPrefix(shown, k.victim) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.astray = append(k.astray, fmt.Sprintf("%s %s on %s, asked for %s, shows %s", m.Type, m.From, m.Path, req.Path, shown))
	}
	return m, nil
}

// untouched checks what can be seen of an escape outside the jail.
func (j *hostile) untouched(t testing.TB, within bool) {
	t.Helper()
	root := ""
	if within {
		root = j.root
	}
	j.v.untouched(t, j.host, root)
	j.kernel.mu.Lock()
	defer j.kernel.mu.Unlock()
	require.Empty(t, j.kernel.astray)
}

// unlink puts directories where links are left, or nothing.
func (j *hostile) unlink() {
	places := slices.SortedFunc(maps.Keys(j.links), func(a, b string) int { return len(a) - len(b) })
	for _, place := range places {
		if info, err := j.inside.Lstat(place); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			_ = j.inside.Remove(place)
		}
		if place != "etc/resolv.conf" {
			_ = j.inside.MkdirAll(place, 0o755)
		}
	}
	for _, made := range []string{"usr/lib32", "usr/libdata"} { // a start makes them
		_ = j.inside.Remove(made)
	}
}

// resolvConf puts a file there that a start replaces, or none.
func (j *hostile) resolvConf(there bool) {
	_ = j.inside.Remove("etc/resolv.conf")
	if there {
		_ = j.inside.WriteFile("etc/resolv.conf", []byte("nameserver 192.0.2.1\n"), 0o644)
	}
}

// swap turns a place into a link and returns what puts it back, or nil if its
// directory is elsewhere just now.
func (j *hostile) swap(place, target string) (back func()) {
	aside := ".aside-" + strings.ReplaceAll(place, "/", "-")
	if err := j.inside.Rename(place, aside); err != nil && (place != "etc/resolv.conf" || !errors.Is(err, fs.ErrNotExist)) {
		return nil
	}
	_ = j.inside.Symlink(target, place)
	return func() {
		if info, err := j.inside.Lstat(place); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			_ = j.inside.Remove(place)
		}
		if j.inside.Rename(aside, place) != nil {
			_ = j.inside.RemoveAll(aside) // an operation has made it anew
		}
	}
}

// hostileJail has mounts at all the places that are swapped, and one from there.
func hostileJail(t testing.TB, basejail bool) *hostile {
	t.Helper()
	ctx := context.Background()
	sim := newHost(t)
	made := newJail(t, sim, "hostile", basejail, map[string]string{
		"exec_start": "none", "exec_stop": "none", "mount_fdescfs": "yes", "resolver": "nameserver 192.0.2.7",
	})
	root, err := made.RootPath(ctx)
	require.NoError(t, err)
	v := newVictim(t)
	k := &placeKernel{Kernel: sim.Kernel, sim: sim.Sim, root: root, victim: v.dir}
	dir := filepath.Dir(filepath.Dir(sim.Files().RCConf))
	h, err := host.New(sim.Store, k, host.Options{
		Sources: []host.Source{{Name: "ioc", Dataset: simhost.Dataset}}, Files: sim.Files(),
		RunDir: filepath.Join(dir, "run"), StateDir: filepath.Join(dir, "db"), CacheDir: filepath.Join(dir, "cache"),
	})
	require.NoError(t, err)
	j, err := jail.Load(ctx, h, "hostile")
	require.NoError(t, err)
	inside, err := os.OpenRoot(root)
	require.NoError(t, err)
	t.Cleanup(func() { inside.Close() })
	lines := fmt.Sprintf("%s\t/mnt/deep\tnullfs\tro\t0\t0\n%s/srv/src\t/mnt/own\tnullfs\trw\t0\t0\n", t.TempDir(), root)
	require.NoError(t, os.WriteFile(filepath.Join(j.Path(), "fstab"), []byte(lines), 0o644))
	out := &hostile{j, h, root, inside, v, v.links(basejail), k}
	out.unlink()
	return out
}

// hostileOperations are what is done to a jail while its owner swaps. The ones
// that begin with a running jail find it so.
var hostileOperations = []struct {
	name string
	up   bool
	run  func(ctx context.Context, j *hostile) error
}{
	{"start", false, func(ctx context.Context, j *hostile) error {
		_, err := j.Start(ctx, jail.StartOptions{})
		return err
	}},
	{"fork_exec", false, func(ctx context.Context, j *hostile) error {
		_, _, err := j.ForkExec(ctx, []string{"/bin/sh", "-c", "true"}, jail.ForkExecOptions{})
		return err
	}},
	{"mount", true, func(ctx context.Context, j *hostile) error {
		_, err := j.Mount(ctx, jail.MountOptions{Temporary: true, Entries: []fstab.Entry{
			{Source: j.root + "/srv/src", Destination: "/srv/in"}, {Source: "tmpfs", Destination: "/mnt", Type: "tmpfs"},
		}})
		return err
	}},
	{"unmount", true, func(ctx context.Context, j *hostile) error {
		_, err := j.Unmount(ctx, jail.UnmountOptions{Temporary: true, Destinations: []string{"/mnt/deep", "/mnt/own"}})
		return err
	}},
	{"soft restart", true, func(ctx context.Context, j *hostile) error {
		_, err := j.Restart(ctx, jail.RestartOptions{})
		return err
	}},
	{"restart", true, func(ctx context.Context, j *hostile) error {
		_, err := j.Restart(ctx, jail.RestartOptions{Shutdown: true})
		return err
	}},
	{"stop", true, func(ctx context.Context, j *hostile) error {
		_, err := j.Stop(ctx, jail.StopOptions{})
		return err
	}},
}

// TestHostileTree plants each link at each moment of each operation, on its way
// forward and on its way back. Nothing outside of the root is read, written,
// created or mounted, not even for a moment.
func TestHostileTree(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege on Windows")
	}
	for _, basejail := range []bool{false, true} {
		if testing.Short() && !basejail {
			continue // a basejail has these mounts and more
		}
		t.Run(map[bool]string{false: "standalone", true: "basejail"}[basejail], func(t *testing.T) {
			t.Parallel()
			j := hostileJail(t, basejail)
			j.kernel.still = true
			for _, op := range hostileOperations {
				t.Run(op.name, func(t *testing.T) { j.plant(t, op.up, false, op.run) })
				if op.name == "start" || op.name == "mount" { // the others go back by the same steps
					t.Run(op.name+"/back", func(t *testing.T) { j.plant(t, op.up, true, op.run) })
				}
			}
			t.Run("recover", func(t *testing.T) { j.plantRecover(t) })
		})
	}
}

// ready brings the jail up, or down, with nothing planted.
func (j *hostile) ready(t *testing.T, up bool) {
	t.Helper()
	ctx := context.Background()
	j.unlink()
	_, err := jail.Recover(ctx, j.host)
	require.NoError(t, err)
	_, err = j.Stop(ctx, jail.StopOptions{Force: true})
	require.NoError(t, err)
	if up {
		_, err = j.Start(ctx, jail.StartOptions{})
		require.NoError(t, err)
	}
}

// moment runs an operation whose last step fails, if it is to go back, and calls
// at with the number of each moment before a step or an undo.
func moment(back int, at func(n int)) func(plan.Point) error {
	n := 0
	return func(p plan.Point) error {
		switch {
		case p.Phase == "do" || p.Phase == "undo":
			at(n)
			n++
		case p.Phase == "done" && p.Index == back:
			return errInjected
		}
		return nil
	}
}

func (j *hostile) plant(t *testing.T, up, back bool, run func(ctx context.Context, j *hostile) error) {
	ctx := context.Background()
	moments, last, mounted := 0, -1, -1
	j.ready(t, up)
	count := moment(-1, func(n int) { moments = n + 1 })
	require.NoError(t, run(plan.WithFault(ctx, func(p plan.Point) error {
		if last = p.Index; strings.HasPrefix(p.Step.Kind, "mount ") {
			mounted = p.Index
		}
		return count(p)
	}), j))
	first := 0
	if last = -1; back {
		last, first, moments = mounted, mounted+1, 2*(mounted+1)
	}
	for place, targets := range j.links {
		if strings.HasPrefix(place, "etc") { // as it was before there was a resolv.conf, and after
			targets = append(targets, targets...)
		}
		for i, target := range targets {
			for m := first; m < moments; m++ {
				j.ready(t, up)
				j.resolvConf(i%2 == 0)
				planted := func() {}
				err := run(plan.WithFault(ctx, moment(last, func(n int) {
					if n == m {
						if b := j.swap(place, target); b != nil {
							planted = b
						}
					}
				})), j)
				j.untouched(t, m == moments-1)
				if back {
					require.ErrorIs(t, err, errInjected)
				}
				planted()
			}
		}
	}
	j.ready(t, true)
}

// plantRecover plants links before a start that was killed is undone.
func (j *hostile) plantRecover(t *testing.T) {
	ctx := context.Background()
	for place, targets := range j.links {
		for _, target := range targets {
			j.ready(t, false)
			j.resolvConf(place != "etc")
			_, err := j.Start(plan.WithFault(ctx, func(p plan.Point) error {
				if p.Phase == "done" && p.Step.Kind == "mount fdescfs" {
					return plan.ErrCrash
				}
				return nil
			}), jail.StartOptions{})
			require.ErrorIs(t, err, plan.ErrCrash)
			back := j.swap(place, target)
			_, err = jail.Recover(ctx, j.host)
			j.untouched(t, true)
			if err != nil {
				require.ErrorIs(t, err, saferoot.ErrEscape)
			}
			back()
			j.ready(t, false)
			require.Empty(t, j.below(t))
		}
	}
}

// Below is what is mounted below the root.
func (j *hostile) below(t *testing.T) host.MountTable {
	t.Helper()
	mounts, err := j.host.Mounts(context.Background())
	require.NoError(t, err)
	return mounts.Below(j.root)
}

// TestHostileRaces swaps directories and files of the jail for links to the
// host's while operations run, until there were 10,000 swaps during operations.
// Nothing outside the root is read, written, created or mounted on.
func TestHostileRaces(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege on Windows")
	}
	swaps := int64(10_000)
	if brief() {
		swaps = 2000
	}
	for _, basejail := range []bool{false, true} {
		t.Run(map[bool]string{false: "standalone", true: "basejail"}[basejail], func(t *testing.T) {
			t.Parallel()
			hostileJail(t, basejail).race(t, swaps/2)
		})
	}
}

// swapper swaps until it is over.
type swapper struct {
	busy, over atomic.Bool
	swaps      atomic.Int64 // while an operation ran
	group      sync.WaitGroup
	calm       sync.RWMutex // locked while nobody is to swap
}

func (s *swapper) swap(j *hostile, place string, targets []string) {
	for !s.over.Load() {
		s.calm.RLock()
		if back := j.swap(place, targets[rand.IntN(len(targets))]); back != nil {
			during := s.busy.Load()
			time.Sleep(50 * time.Microsecond)
			if during {
				s.swaps.Add(1)
			}
			back()
		}
		if place != "etc/resolv.conf" {
			_ = j.inside.MkdirAll(place, 0o755)
		}
		s.calm.RUnlock()
		time.Sleep(time.Duration(rand.IntN(4000)) * time.Microsecond)
	}
}

func (j *hostile) race(t *testing.T, swaps int64) {
	ctx := context.Background()
	s := &swapper{}
	for place, targets := range j.links {
		s.group.Go(func() { s.swap(j, place, targets) })
	}
	t.Cleanup(func() { s.over.Store(true); s.group.Wait() })

	tried, done, races, refused := map[string]int{}, map[string]int{}, 0, 0
	// An operation during which something was swapped is a race, won if it goes
	// through all the same.
	operate := func(name string, run func() error) error {
		before := s.swaps.Load()
		s.busy.Store(true)
		err := run()
		s.busy.Store(false)
		if s.swaps.Load() > before {
			races++
		}
		if tried[name]++; err == nil {
			done[name]++
		} else {
			refused++
		}
		return err
	}
	recovered := func() {
		err := operate("recover", func() error { _, err := jail.Recover(ctx, j.host); return err })
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // an undo met a link: it is refused until that is gone
			require.ErrorIs(t, err, saferoot.ErrEscape)
		}
	}
	again := func() {}
	defer func() { again() }()
	for n := 0; s.swaps.Load() < swaps; n++ {
		run := ctx
		if n%3 == 0 { // the way back is raced as well
			run = plan.WithFault(ctx, func(p plan.Point) error {
				if p.Phase == "done" && (p.Step.Kind == "mount fdescfs" || p.Step.Kind == "mount fstab" && n%2 == 0) {
					return errInjected
				}
				return nil
			})
		}
		if n%4 == 3 { // so that some starts win
			s.calm.Lock()
			again = sync.OnceFunc(s.calm.Unlock)
			j.unlink()
			_, err := jail.Recover(ctx, j.host)
			require.NoError(t, err)
		}
		j.resolvConf(n%2 == 0)
		for _, op := range hostileOperations {
			running, err := j.Running(ctx)
			require.NoError(t, err)
			if running != op.up {
				continue
			}
			if op.name == "start" && n%8 == 3 {
				continue // so that a fork_exec has its turn
			}
			_ = operate(op.name, func() error { return op.run(run, j) })
			again()
		}
		again()
		_ = operate("stop", func() error { _, err := j.Stop(ctx, jail.StopOptions{Force: true}); return err })
		recovered()
		j.untouched(t, n%50 == 0)
	}
	s.over.Store(true)
	s.group.Wait()
	j.untouched(t, true)
	j.ready(t, true)
	j.ready(t, false)
	require.Empty(t, j.below(t))
	t.Logf("%d swaps, %d races, %d operations refused, done: %v of %v", s.swaps.Load(), races, refused, done, tried)
	require.NotZero(t, refused, "no swap has hit")
	require.NotZero(t, races, "no swap was in time")
	if brief() {
		return
	}
	require.NotZero(t, done["start"], "no start has won")
	for _, op := range hostileOperations {
		require.NotZero(t, tried[op.name], "no %s was tried", op.name)
	}
}
