package jail_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// hookDir and hookDataset tell the child process of TestRealInterruptedHookIsEnded which
// machine to work on.
const hookDir, hookDataset = "JAIL_HOOK_DIR", "JAIL_HOOK_DATASET"

// onReal returns the options of a host with other directories than realHost's, or the
// same, and the given source.
func onReal(dir, dataset string) host.Options {
	return host.Options{
		Sources: []host.Source{{Name: "jailtest", Dataset: dataset}},
		RunDir:  dir + "/run", StateDir: dir + "/db", CacheDir: dir + "/cache",
		Files: host.Files{DevfsRules: dir + "/devfs.rules"},
	}
}

// realDataset is the dataset of the source of realHost.
func realDataset(t *testing.T, h *host.Host) string {
	t.Helper()
	sources, err := h.Sources(context.Background())
	require.NoError(t, err)
	return sources[0].Dataset
}

// TestRealInterruptedHookChild is the process that TestRealInterruptedHookIsEnded kills;
// by itself it tests nothing.
func TestRealInterruptedHookChild(t *testing.T) {
	dir := os.Getenv(hookDir)
	if dir == "" {
		t.Skip("runs as the child of TestRealInterruptedHookIsEnded")
	}
	ctx := context.Background()
	h, err := host.Open(ctx, onReal(dir, os.Getenv(hookDataset)))
	require.NoError(t, err)
	j, err := jail.Load(ctx, h, "killedhook")
	require.NoError(t, err)
	_, err = j.Stop(ctx, jail.StopOptions{})
	t.Fatalf("the stop has ended: %v", err)
}

// processesOf lists the processes of a group, on the host and in a jail.
func processesOf(t *testing.T, h *host.Host, jid, group int) (list []kernel.Process) {
	t.Helper()
	for _, jid := range []int{0, jid} {
		all, err := h.Kernel.ProcessList(context.Background(), jid)
		require.NoError(t, err)
		for _, p := range all {
			if p.Group == group {
				list = append(list, p)
			}
		}
	}
	return list
}

// TestRealInterruptedHookIsEnded: exec_stop in the jail and exec_prestop on the host ran
// on when the program was killed, beside a jail that Recover called "as before".
func TestRealInterruptedHookIsEnded(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	shared := t.TempDir()
	for _, hook := range []string{"exec_stop", "exec_prestop"} {
		t.Run(hook, func(t *testing.T) {
			j := realJail(t, h, "killedhook", true, quick("exec_timeout", "0"))
			root, err := j.RootPath(ctx)
			require.NoError(t, err)
			note, seen := filepath.Join(shared, hook), filepath.Join(shared, hook)
			if hook == "exec_stop" {
				note, seen = "/tmp/pid", filepath.Join(root, "tmp/pid")
			}
			// sleep(1) inherits that SIGTERM is ignored.
			require.NoError(t, j.Config().Set(hook, fmt.Sprintf(`trap "" TERM; echo $$ >%s.new; sleep 987 & mv %s.new %s; wait`, note, note, note)))
			require.NoError(t, j.Save(ctx))
			realStart(t, j)
			id, err := j.Identity(ctx)
			require.NoError(t, err)

			child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestRealInterruptedHookChild$")
			child.Env = append(os.Environ(), hookDir+"="+real.dir, hookDataset+"="+realDataset(t, h))
			require.NoError(t, child.Start())
			var group int
			for range 600 {
				text, err := os.ReadFile(seen)
				if group, _ = strconv.Atoi(strings.TrimSpace(string(text))); err == nil && group > 0 {
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
			time.Sleep(time.Second) // sleep(1) is forked
			require.NoError(t, child.Process.Kill())
			_ = child.Wait() // killed
			require.Positive(t, group, "the hook has not begun")
			running := processesOf(t, h, id.JID, group)
			require.True(t, slices.ContainsFunc(running, func(p kernel.Process) bool { return p.Command == "sleep" }), "%+v", running)

			all, err := jail.Recover(ctx, h)
			require.NoError(t, err)
			var said []string
			for _, e := range eventsOf[events.Rollback](all) {
				if e.Message != "" {
					said = append(said, e.Message)
				}
			}
			require.Contains(t, strings.Join(said, "\n"), fmt.Sprintf("process group %d was ended", group))
			require.Empty(t, processesOf(t, h, id.JID, group))
			now, err := j.Identity(ctx)
			require.NoError(t, err)
			require.Equal(t, id, now, "the jail is as before")
			require.NoError(t, j.Config().Set(hook, "none"))
			require.NoError(t, j.Save(ctx))
		})
	}
}

// TestRealSlowRename: zfs(8) was killed when the context of a rename ended, which left a
// tree half renamed or unmounted. It runs to its end, and the operation is done or undone
// as a whole.
func TestRealSlowRename(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	dir := t.TempDir()
	zfs, begun := filepath.Join(dir, "zfs"), filepath.Join(dir, "begun")
	script := fmt.Sprintf("#!/bin/sh\n[ \"$1\" = rename ] && { : >%s; sleep 3; }\nexec /sbin/zfs \"$@\"\n", begun)
	require.NoError(t, os.WriteFile(zfs, []byte(script), 0o755))
	slow, err := host.New(zfsstore.NewExec(zfsstore.ExecOptions{ZFS: zfs}), h.Kernel, onReal(real.dir, realDataset(t, h)))
	require.NoError(t, err)
	realJail(t, h, "slowrename", true, quick())
	j, err := jail.Load(ctx, slow, "slowrename")
	require.NoError(t, err)

	ending, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		_, err := j.Rename(ending, jail.RenameOptions{Name: "slowrenamed"})
		ended <- err
	}()
	require.Eventually(t, func() bool {
		_, err := os.Stat(begun)
		return err == nil
	}, time.Minute, 10*time.Millisecond)
	cancel()
	renamed := <-ended

	want, gone := "slowrename", "slowrenamed"
	if renamed == nil {
		want, gone = gone, want
	}
	now, err := jail.Load(ctx, h, want)
	require.NoError(t, err, "%v", renamed)
	_, err = jail.Load(ctx, h, gone)
	require.ErrorIs(t, err, jail.ErrNotFound)
	for _, dataset := range []string{now.Dataset(), now.RootDataset()} {
		path, err := h.Mountpoint(ctx, dataset)
		require.NoError(t, err)
		require.DirExists(t, path)
	}
	left, err := filepath.Glob(filepath.Join(h.JournalDir("jailtest", "jail"), "slowrename*"))
	require.NoError(t, err)
	require.Empty(t, left)
	realStart(t, now)
	realStop(t, now)
	_, err = now.Destroy(ctx, jail.DestroyOptions{})
	require.NoError(t, err)
}
