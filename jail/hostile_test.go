package jail_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
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
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
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
	for _, d := range []string{"etc", "dev/fd", "bin", "mnt"} {
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
		line := fmt.Sprintf("%s %v", path, info.Mode())
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
			return nil // it may be swapped just now
		}
		if data, err := inside.ReadFile(path); err == nil && bytes.Contains(data, []byte("203.0.113.66")) {
			t.Fatalf("%s holds what the host's file says", path)
		}
		return nil
	}))
}

// swapped are the places that a jail's owner can turn into links, each with
// where the link points.
func (v *victim) swapped() map[string]string {
	return map[string]string{
		"etc": v.dir + "/etc", "etc/resolv.conf": v.dir + "/etc/resolv.conf", "dev": v.dir + "/dev",
		"dev/fd": v.dir + "/dev/fd", "mnt": v.dir + "/mnt", "mnt/deep": v.dir + "/mnt",
	}
}

// unlink makes directories of the links that were left where their directory was
// moved away by another swap.
func (v *victim) unlink(t testing.TB, root string) {
	t.Helper()
	inside, err := os.OpenRoot(root)
	require.NoError(t, err)
	defer inside.Close()
	for _, place := range []string{"etc", "etc/resolv.conf", "dev", "mnt", "mnt/deep", "dev/fd"} {
		if info, err := inside.Lstat(place); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			_ = inside.Remove(place)
		}
		if place != "etc/resolv.conf" {
			_ = inside.MkdirAll(place, 0o755)
		}
	}
}

// hostileJail has mounts at all the places that are swapped.
func hostileJail(t testing.TB) (*host.Host, *jail.Jail, string) {
	t.Helper()
	h := newHost(t)
	j := newJail(t, h, "hostile", false, map[string]string{
		"exec_start": "none", "exec_stop": "none", "mount_fdescfs": "yes", "resolver": "nameserver 192.0.2.7",
	})
	ctx := context.Background()
	root, err := j.RootPath(ctx)
	require.NoError(t, err)
	dataset, err := h.Mountpoint(ctx, j.Dataset())
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "mnt/deep"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "dev/fd"), 0o755))
	data := t.TempDir()
	fstab := fmt.Sprintf("%s\t%s/mnt/deep\tnullfs\tro\t0\t0\n", data, root)
	require.NoError(t, os.WriteFile(filepath.Join(dataset, "fstab"), []byte(fstab), 0o644))
	return h.Host, j, root
}

// A link that is there before the operation begins is refused, or passed over.
func TestHostileTree(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege on Windows")
	}
	ctx := context.Background()
	v := newVictim(t)
	for place, target := range v.swapped() {
		t.Run(place, func(t *testing.T) {
			h, j, root := hostileJail(t)
			at := filepath.Join(root, place)
			require.NoError(t, os.RemoveAll(at))
			require.NoError(t, os.Symlink(target, at))
			_, err := j.Start(ctx, jail.StartOptions{})
			v.untouched(t, h, root)
			if place == "dev/fd" { // devfs covers it
				require.NoError(t, err)
				_, err = j.Stop(ctx, jail.StopOptions{})
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			running, err := j.Running(ctx)
			require.NoError(t, err)
			require.False(t, running)
			link, err := os.Readlink(at)
			require.NoError(t, err)
			require.Equal(t, target, link, "what the jail has planted is the jail's")
		})
	}
}

// TestHostileRaces swaps directories and files of the jail for links to the
// host's while operations run, until there were 10,000 swaps during operations.
// Nothing outside the root is read, written, created or mounted on.
func TestHostileRaces(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege on Windows")
	}
	races := int64(10_000)
	if testing.Short() {
		races = 500
	}
	ctx := context.Background()
	h, j, root := hostileJail(t)
	v := newVictim(t)

	var busy, calm, over atomic.Bool
	var swaps atomic.Int64
	var group sync.WaitGroup
	for place, target := range v.swapped() {
		group.Go(func() {
			// The jail's owner is in the jail: a link does not lead him out of it.
			inside, err := os.OpenRoot(root)
			if err != nil {
				panic(err)
			}
			defer inside.Close()
			aside := ".aside-" + strings.ReplaceAll(place, "/", "-")
			for !over.Load() {
				// Its directory may be elsewhere just now, so each may fail.
				if !calm.Load() && inside.Rename(place, aside) == nil {
					during := busy.Load()
					_ = inside.Symlink(target, place)
					time.Sleep(50 * time.Microsecond)
					_ = inside.Remove(place)
					if inside.Rename(aside, place) != nil {
						_ = inside.RemoveAll(aside) // an operation has made it anew
					}
					if during {
						swaps.Add(1)
					}
				}
				if place != "etc/resolv.conf" {
					_ = inside.MkdirAll(place, 0o755)
				}
				time.Sleep(time.Duration(rand.IntN(4000)) * time.Microsecond)
			}
		})
	}
	t.Cleanup(func() { over.Store(true); group.Wait() })

	started, refused := 0, 0
	for n := 0; swaps.Load() < races; n++ {
		run := ctx
		if n%3 == 0 { // the way back is raced as well
			run = plan.WithFault(ctx, func(p plan.Point) error {
				if p.Step.Kind == "mount fdescfs" && p.Phase == "done" {
					return errInjected
				}
				return nil
			})
		}
		if calm.Store(n%20 == 19); calm.Load() { // so that some starts win
			time.Sleep(2 * time.Millisecond)
			v.unlink(t, root)
		}
		busy.Store(true)
		_, err := j.Start(run, jail.StartOptions{})
		if err == nil {
			started++
			_, err = j.Stop(ctx, jail.StopOptions{})
			require.NoError(t, err)
		} else {
			refused++
		}
		_, err = jail.Recover(ctx, h)
		busy.Store(false)
		if err != nil { // an undo met a link: it is refused until that is gone
			require.ErrorContains(t, err, "root", "%v", err)
		}
		if n%50 == 0 {
			v.untouched(t, h, root)
		}
	}
	over.Store(true)
	group.Wait()
	v.untouched(t, h, root)
	v.unlink(t, root)
	_, err := jail.Recover(ctx, h)
	require.NoError(t, err)
	_, err = j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	t.Logf("%d swaps during %d starts and stops, %d refused starts", swaps.Load(), started, refused)
	require.NotZero(t, refused, "no swap has hit")
	require.NotZero(t, started, "no start has won")
}
