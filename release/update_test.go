package release_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/release/releasetest"
	"github.com/libioc/go-libioc/zfsstore"
)

// updater stands in for freebsd-update(8). It says what the real one says and
// changes the tree it is given with -b.
type updater struct {
	mu      sync.Mutex
	to      string // the version it brings; empty: there are no updates
	eol     bool
	fail    string // the command that fails, half-way
	hang    string // the command that never ends
	rounds  int    // how often install has something to do; 1 if 0
	hanging chan struct{}
	connect func() // called as it fetches

	fetched bool
	done    int
	ran     [][]string
}

func (u *updater) program(ctx context.Context, p *simkernel.Process) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ran = append(u.ran, p.Argv)
	say := func(lines ...string) { fmt.Fprintln(p.Stdout, strings.Join(lines, "\n")) }
	option := func(name string) string {
		if i := slices.Index(p.Argv, name); i >= 0 {
			return p.Argv[i+1]
		}
		return ""
	}
	verb := p.Argv[len(p.Argv)-1]
	base := option("-b")
	if u.hang == verb {
		p.WriteFile(base+"/bin/freebsd-version", []byte("half"), 0o555)
		close(u.hanging)
		u.mu.Unlock()
		<-ctx.Done()
		u.mu.Lock()
		return 1
	}
	switch verb {
	case "fetch", "upgrade":
		if u.connect != nil {
			u.connect()
		}
		if _, err := p.ReadDir(option("-d")); err != nil {
			say("freebsd-update: Directory does not exist or is not writable: " + option("-d"))
			return 1
		}
		conf, err := p.ReadFile(option("-f"))
		if err != nil || !strings.Contains(string(conf), "\nComponents world\n") {
			say("freebsd-update: bad configuration: " + string(conf))
			return 1
		}
		if resolver, err := p.ReadFile("/etc/resolv.conf"); err != nil || len(resolver) == 0 || u.fail == verb {
			say("Fetching public key from update.FreeBSD.org... failed.", "No mirrors remaining, giving up.")
			return 1
		}
		u.fetched, u.done = u.to != "", 0
		if u.eol {
			say("", "WARNING: FreeBSD 13.2-RELEASE HAS PASSED ITS END-OF-LIFE DATE.",
				"Any security issues discovered after Sun Jun 30 23:59:59 UTC 2024", "will not have been corrected.")
			return 1
		}
		return 0
	case "install":
		if !u.fetched || u.done >= max(u.rounds, 1) {
			say("No updates are available to install.", "Run '/usr/sbin/freebsd-update fetch' first.")
			return 2
		}
		say("Installing updates...")
		p.WriteFile(base+"/bin/sh", []byte("patched "+u.to), 0o555)
		if u.fail == verb {
			say("install: /mnt/bin/freebsd-version: No space left on device")
			return 1
		}
		p.WriteFile(base+"/bin/freebsd-version", []byte("#!/bin/sh\n\nUSERLAND_VERSION=\""+u.to+"\"\n"), 0o555)
		u.done++
		say(" done.")
		return 0
	}
	say("usage: freebsd-update [options] command ...")
	return 64
}

// updateHost is a host with a fetched release and a scripted updater.
func updateHost(t *testing.T, u *updater) (*simhost.Host, *release.Release) {
	t.Helper()
	h, err := simhost.Open(simhost.Options{Dir: jailtest.MemoryDir(t), Programs: map[string]simkernel.Program{"freebsd-update": u.program}})
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	rel, err := release.New(context.Background(), h.Host, name, "")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "base.tgz")
	require.NoError(t, os.WriteFile(path, releasetest.Archive("tgz", name), 0o644))
	require.NoError(t, wait(rel, release.FetchOptions{Archive: path}))
	return h, rel
}

func update(ctx context.Context, h *simhost.Host, rel *release.Release) ([]events.IocEvent, error) {
	return events.Collect(context.Background(), rel.Update(ctx, release.UpdateOptions{Runner: jail.NewRunner(h.Host)}))
}

func TestUpdate(t *testing.T) {
	for _, c := range []struct {
		name    string
		updater *updater
		levels  []int
		version string
		message string // of the updater's event
	}{
		{"updates", &updater{to: "13.2-RELEASE-p4"}, []int{4, 0}, "13.2-RELEASE-p4", "13.2-RELEASE to 13.2-RELEASE-p4"},
		{"in several rounds", &updater{to: "13.2-RELEASE-p4", rounds: 3}, []int{4, 0}, "13.2-RELEASE-p4", "13.2-RELEASE to 13.2-RELEASE-p4"},
		{"no updates", &updater{}, []int{0}, "13.2-RELEASE", "no updates for 13.2-RELEASE"},
		{"past its end of life", &updater{to: "13.2-RELEASE-p12", eol: true}, []int{12, 0}, "13.2-RELEASE-p12",
			"13.2-RELEASE to 13.2-RELEASE-p12, which is past its end of life"},
		{"past its end of life, no updates", &updater{eol: true}, []int{0}, "13.2-RELEASE",
			"no updates for 13.2-RELEASE, which is past its end of life"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, rel := updateHost(t, c.updater)
			ctx := context.Background()
			all, err := update(ctx, h, rel)
			require.NoError(t, err)
			message := ""
			for _, e := range all {
				if _, ok := e.(events.ExecuteResourceUpdate); ok {
					message = e.Head().Message
				}
			}
			require.Equal(t, c.message, message)
			levels, err := rel.PatchLevels(ctx)
			require.NoError(t, err)
			require.Equal(t, c.levels, levels)
			root, err := h.Mountpoint(ctx, rel.RootDataset())
			require.NoError(t, err)
			version, err := release.TreeVersion(root)
			require.NoError(t, err)
			require.Equal(t, c.version, version.String())
			require.Equal(t, []string{
				"/usr/sbin/freebsd-update", "--not-running-from-cron", "-b", "/mnt", "-d", "/var/db/freebsd-update",
				"-f", "/etc/freebsd-update.conf", "--currently-running", "13.2-RELEASE", "fetch",
			}, c.updater.ran[0])
			nothingLeft(t, h)

			// The floating name means the newest level, the pinned one its own.
			for _, level := range c.levels {
				pinned, err := release.New(ctx, h.Host, fmt.Sprintf("%s-p%d", name, level), "")
				require.NoError(t, err)
				snapshot, _, err := pinned.RootSnapshot(ctx)
				require.NoError(t, err)
				require.Equal(t, fmt.Sprintf("%s@p%d", rel.RootDataset(), level), snapshot)
			}
			snapshot, _, err := rel.RootSnapshot(ctx)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf("%s@p%d", rel.RootDataset(), c.levels[0]), snapshot)
			missing, err := release.New(ctx, h.Host, name+"-p99", "")
			require.NoError(t, err)
			_, _, err = missing.RootSnapshot(ctx)
			require.ErrorIs(t, err, release.ErrSnapshotNotFound)
		})
	}
}

// nothingLeft checks that neither jail nor mount nor clone nor work snapshot is
// left.
func nothingLeft(t *testing.T, h *simhost.Host) {
	t.Helper()
	ctx := context.Background()
	for p, err := range h.Sim.JailList(ctx, 0) {
		require.NoError(t, err)
		t.Errorf("jail %s is left", p.String("name"))
	}
	mounts, err := h.Mounts(ctx)
	require.NoError(t, err)
	for _, m := range mounts {
		if m.Type != "zfs" && m.Path != "/" {
			t.Errorf("%s %s on %s is left", m.Type, m.From, m.Path)
		}
	}
	sets, err := h.ZFS.List(ctx, "", zfsstore.ListOptions{Types: []zfsstore.Type{zfsstore.Filesystem, zfsstore.Snapshot}})
	require.NoError(t, err)
	for _, d := range sets {
		if strings.Contains(d.Name, "updater") || strings.Contains(d.Name, "@update") {
			t.Errorf("%s is left", d.Name)
		}
	}
}

// TestUpdateFails: a failed update leaves the release as it was and says what
// the updater said; the next one begins clean.
func TestUpdateFails(t *testing.T) {
	for _, verb := range []string{"fetch", "install"} {
		if testing.Short() && verb != "install" {
			continue
		}
		t.Run(verb, func(t *testing.T) {
			u := &updater{to: "13.2-RELEASE-p4", fail: verb}
			h, rel := updateHost(t, u)
			before := world(t, h)
			_, err := update(context.Background(), h, rel)
			require.ErrorIs(t, err, release.ErrUpdate)
			var failed *release.UpdateError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, 1, failed.ExitCode)
			require.Equal(t, verb, failed.Argv[len(failed.Argv)-1])
			require.Regexp(t, "No mirrors remaining|No space left", failed.Output)
			require.Empty(t, differ(before, world(t, h)))
			nothingLeft(t, h)

			u.fail = ""
			_, err = update(context.Background(), h, rel)
			require.NoError(t, err)
			levels, err := rel.PatchLevels(context.Background())
			require.NoError(t, err)
			require.Equal(t, []int{4, 0}, levels)
		})
	}
}

// TestUpdateOfDyingJail has an updater that closes its connection before the
// server does: tcp(4) keeps it for a minute, and it the jail, which is dying then
// and has its root in use.
func TestUpdateOfDyingJail(t *testing.T) {
	for _, fail := range []string{"", "fetch", "install"} {
		t.Run("fail="+fail, func(t *testing.T) {
			u := &updater{to: "13.2-RELEASE-p4", fail: fail}
			h, rel := updateHost(t, u)
			ctx := context.Background()
			u.connect = func() {
				// In the goroutine of the simulated program: no require.
				for p, err := range h.Sim.JailList(ctx, 0, "jid") {
					assert.NoError(t, err)
					id, err := h.Sim.JailIdentify(ctx, 0, kernel.ByJID(p.Int("jid")))
					assert.NoError(t, err)
					_, err = h.Sim.HoldDying(id)
					assert.NoError(t, err)
				}
			}
			before := world(t, h)
			_, err := update(ctx, h, rel)
			nothingLeft(t, h)
			if fail == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, release.ErrUpdate)
			require.NotErrorIs(t, err, zfsstore.ErrBusy)
			require.Empty(t, differ(before, world(t, h)))
		})
	}
}

// TestUpdateCanceled ends the context while the updater is at work: its
// processes are killed and everything is put back.
func TestUpdateCanceled(t *testing.T) {
	u := &updater{to: "13.2-RELEASE-p4", hang: "install", hanging: make(chan struct{})}
	h, rel := updateHost(t, u)
	before := world(t, h)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-u.hanging
		cancel()
	}()
	_, err := update(ctx, h, rel)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, release.ErrUpdate)
	require.Empty(t, differ(before, world(t, h)))
	nothingLeft(t, h)
}

// TestUpdateKilled stops the process while the updater is at work: jail, mounts,
// clone and a half changed tree stay. The next update begins clean.
func TestUpdateKilled(t *testing.T) {
	for _, reboot := range []bool{false, true} {
		for _, by := range []string{"update", "recover"} {
			if testing.Short() && reboot != (by == "recover") {
				continue
			}
			t.Run(fmt.Sprintf("reboot=%v, then %s", reboot, by), func(t *testing.T) {
				u := &updater{to: "13.2-RELEASE-p4"}
				h, rel := updateHost(t, u)
				ctx := context.Background()
				before := world(t, h)
				crash := plan.WithFault(ctx, func(p plan.Point) error {
					if p.Step.Kind == "run updater" && p.Phase == "do" {
						leaveBehind(t, h, p.Step)
						return plan.ErrCrash
					}
					return nil
				})
				_, err := update(crash, h, rel)
				require.ErrorIs(t, err, plan.ErrCrash)
				require.NotEmpty(t, differ(before, world(t, h)))
				if reboot {
					require.NoError(t, h.Reboot())
				} else {
					_, err := release.Recover(ctx, h.Host, nil)
					require.ErrorIs(t, err, release.ErrNoRunner)
				}
				if by == "update" {
					_, err = update(ctx, h, rel)
					require.NoError(t, err)
					levels, err := rel.PatchLevels(ctx)
					require.NoError(t, err)
					require.Equal(t, []int{4, 0}, levels)
				} else {
					_, err = release.Recover(ctx, h.Host, jail.NewRunner(h.Host))
					require.NoError(t, err)
					require.Empty(t, differ(before, world(t, h)))
				}
				nothingLeft(t, h)
			})
		}
	}
}

// leaveBehind makes what there is in the middle of the step of an update.
func leaveBehind(t *testing.T, h *simhost.Host, s plan.Step) {
	t.Helper()
	ctx := context.Background()
	var u release.TreeUpdate
	require.NoError(t, json.Unmarshal(s.Args, &u))
	require.NotEmpty(t, u.Made)
	require.NoError(t, h.Store.Clone(ctx, u.Tool, u.Scratch, zfsstore.CloneOptions{Properties: map[string]string{"org.freebsd.ioc:made": u.Made}}))
	scratch, err := h.Mountpoint(ctx, u.Scratch)
	require.NoError(t, err)
	target, err := h.Mountpoint(ctx, u.Target)
	require.NoError(t, err)
	_, err = h.Sim.Nmount(ctx, kernel.MountRequest{Type: "nullfs", From: target, Path: filepath.Join(scratch, "mnt")})
	require.NoError(t, err)
	_, err = h.Sim.JailSet(ctx, kernel.JailCreate, kernel.String("name", u.Jail), kernel.String("path", scratch), kernel.Bool("persist", true))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(target, "bin/half"), []byte("half"), 0o644))
}

func TestUpdateRefused(t *testing.T) {
	u := &updater{to: "13.2-RELEASE-p4"}
	h, rel := updateHost(t, u)
	ctx := context.Background()
	require.ErrorIs(t, events.Wait(ctx, rel.Update(ctx, release.UpdateOptions{})), release.ErrNoRunner)
	other, err := release.New(ctx, h.Host, "14.0-RELEASE", "")
	require.NoError(t, err)
	_, err = update(ctx, h, other)
	require.ErrorIs(t, err, release.ErrNotFetched)

	root, err := h.Mountpoint(ctx, rel.RootDataset())
	require.NoError(t, err)
	version := filepath.Join(root, "bin/freebsd-version")
	for text, want := range map[string]error{
		"USERLAND_VERSION=\"13.2-STABLE\"\n": release.ErrNotUpdatable,
		"echo 13.2-RELEASE\n":                release.ErrNoVersion,
	} {
		require.NoError(t, os.Chmod(version, 0o755))
		require.NoError(t, os.WriteFile(version, []byte(text), 0o755))
		_, err := update(ctx, h, rel)
		require.ErrorIs(t, err, want)
	}
	require.Empty(t, u.ran)
	nothingLeft(t, h)

	// A jail of that name that is not ours is left alone.
	require.NoError(t, os.WriteFile(version, []byte("USERLAND_VERSION=\"13.2-RELEASE\"\n"), 0o755))
	tu := rel.TreeUpdate(rel.RootDataset(), rel.Dataset(), 0, release.UpdateOptions{})
	_, err = h.Sim.JailSet(ctx, kernel.JailCreate, kernel.String("name", tu.Jail), kernel.String("path", "/"), kernel.Bool("persist", true))
	require.NoError(t, err)
	_, err = update(ctx, h, rel)
	require.True(t, errors.Is(err, jail.ErrExists), "%v", err)
	_, err = h.Sim.JailIdentify(ctx, 0, kernel.ByName(tu.Jail))
	require.NoError(t, err, "it was removed")
}

// HardenedBSD has an updater of its own and no patch level in its version.
func TestUpdateOfHardenedBSD(t *testing.T) {
	ctx := context.Background()
	var ran [][]string
	status := 0
	program := func(_ context.Context, p *simkernel.Process) int {
		ran = append(ran, p.Argv)
		p.WriteFile("/mnt/bin/sh", []byte("hardened"), 0o555)
		return status
	}
	h, err := simhost.Open(simhost.Options{Dir: jailtest.MemoryDir(t), Programs: map[string]simkernel.Program{"hbsd-update": program}})
	require.NoError(t, err)
	defer h.Close()
	rel, err := release.New(ctx, h.Host, "14-STABLE", "")
	require.NoError(t, err)
	members := append(releasetest.Members("14.1-STABLE-HBSD"),
		releasetest.Member{Name: "./usr/sbin/hbsd-update", Type: '0', Mode: 0o555, Body: "#!/bin/sh\n"})
	path := filepath.Join(t.TempDir(), "base.tgz")
	require.NoError(t, os.WriteFile(path, releasetest.Pack("tgz", members), 0o644))
	require.NoError(t, wait(rel, release.FetchOptions{Archive: path}))

	before := world(t, h)
	status = 1
	_, err = update(ctx, h, rel)
	require.ErrorIs(t, err, release.ErrUpdate)
	require.Empty(t, differ(before, world(t, h)))
	status = 0
	for range 2 {
		_, err = update(ctx, h, rel)
		require.NoError(t, err)
	}
	levels, err := rel.PatchLevels(ctx)
	require.NoError(t, err)
	require.Equal(t, []int{2, 1, 0}, levels)
	require.Equal(t, []string{"/usr/sbin/hbsd-update", "-V", "-n", "-c", "/etc/hbsd-update.conf", "-t", "/var/db/hbsd-update", "-r", "/mnt"}, ran[0])
	nothingLeft(t, h)
}
