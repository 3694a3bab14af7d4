package jail_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/fstab"
	"github.com/libioc/go-libioc/internal/saferoot"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// TestRealHostileStartLetsOthersStart: the interfaces of all jails were locked while the
// programs of one jail ran in its start, so one jail whose root has replaced dhclient(8)
// kept every other from starting.
func TestRealHostileStartLetsOthersStart(t *testing.T) {
	h := realHost(t)
	unchanged(t)
	realBridge(t, h)
	slow := vnetJail(t, h, "hostilestart", 90, map[string]string{"ip4_addr": "vnet0|dhcp", "ip6_addr": "none", "defaultrouter": "none", "defaultrouter6": "none"})
	other := vnetJail(t, h, "otherstart", 91, nil)
	root, err := slow.RootPath(context.Background())
	require.NoError(t, err)
	dhclient := filepath.Join(root, "sbin/dhclient")
	require.NoError(t, os.Remove(dhclient))
	require.NoError(t, os.WriteFile(dhclient, []byte("#!/bin/sh\ntrap '' TERM HUP INT\nsleep 600\n"), 0o555))

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := slow.Start(ctx, jail.StartOptions{})
		ended <- err
	}()
	require.Eventually(t, func() bool {
		id, err := slow.Identity(ctx)
		if err != nil {
			return false
		}
		list, err := h.Kernel.ProcessList(ctx, id.JID)
		return err == nil && slices.ContainsFunc(list, func(p kernel.Process) bool { return p.Command == "sleep" })
	}, time.Minute, 50*time.Millisecond)
	realStart(t, other)
	select {
	case err := <-ended:
		t.Fatalf("the slow start has ended: %v", err)
	default:
	}
	realStop(t, other)
	cancel()
	began := time.Now()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Less(t, time.Since(began), 2*time.Minute)
	running, err := slow.Running(context.Background())
	require.NoError(t, err)
	require.False(t, running)
}

// TestRealForcedStopWithoutHookLimit: exec_timeout=0 kept even a forced stop waiting for
// a hook that ignores SIGTERM, or has stopped itself.
func TestRealForcedStopWithoutHookLimit(t *testing.T) {
	h := realHost(t)
	j := realJail(t, h, "stubbornstop", true, map[string]string{
		"exec_start": "none", "exec_stop": `trap "" TERM; sleep 600 & kill -STOP $$; wait`, "exec_timeout": "0", "stop_timeout": "2",
	})
	realStart(t, j)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	_, err := j.Stop(ctx, jail.StopOptions{Force: true})
	require.NoError(t, err)
	running, err := j.Running(context.Background())
	require.NoError(t, err)
	require.False(t, running)
}

// TestRealConsoleLogFollowsNoPlantedLink: the output of hooks was appended to whatever a
// link led to that a jail had planted in a directory that it shares by nullfs(5).
func TestRealConsoleLogFollowsNoPlantedLink(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	shared, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	victim := t.TempDir()
	planter := realJail(t, h, "planter", true, quick())
	realStart(t, planter)
	_, err = planter.Mount(ctx, jail.MountOptions{
		Entries: []fstab.Entry{{Source: shared, Destination: "/mnt", Type: "nullfs"}}, Temporary: true,
	})
	require.NoError(t, err)
	out, code := in(t, planter, "/bin/sh", "-c", "ln -s "+victim+" /mnt/logs && ln -s "+victim+"/log /mnt/log && ls -l /mnt")
	require.Zero(t, code, out)
	j := realJail(t, h, "logged", true, quick("exec_start", "echo hostile"))
	for _, log := range []string{"logs/console.log", "log"} {
		require.NoError(t, j.Config().Set("user.exec_consolelog", filepath.Join(shared, log)))
		_, err := j.Start(ctx, jail.StartOptions{})
		require.ErrorIs(t, err, saferoot.ErrEscape, log)
		left, err := os.ReadDir(victim)
		require.NoError(t, err)
		require.Empty(t, left, log)
	}
	require.NoError(t, j.Config().Set("user.exec_consolelog", filepath.Join(shared, "own")))
	realStart(t, j)
	text, err := os.ReadFile(filepath.Join(shared, "own"))
	require.NoError(t, err)
	require.Equal(t, "hostile\n", string(text))
	realStop(t, j)
	realStop(t, planter)
}

// TestRealDestroyAfterAFailedSet: a Set that failed on a full quota locked the jail, even
// against destroy.
func TestRealDestroyAfterAFailedSet(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	j := realJail(t, h, "failedset", true, quick())
	fillQuota(t, h, j)

	_, err := j.Set(ctx, map[string]string{"notes": strings.Repeat("full ", 400_000)}, jail.SetOptions{})
	require.Error(t, err)
	require.True(t, errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, zfsstore.ErrNoSpace), err)
	now, err := jail.Load(ctx, h, "failedset")
	require.NoError(t, err, "the configuration is as before")
	_, err = now.Destroy(ctx, jail.DestroyOptions{})
	require.NoError(t, err)
	_, err = jail.Load(ctx, h, "failedset")
	require.ErrorIs(t, err, jail.ErrNotFound)
	left, err := filepath.Glob(filepath.Join(h.JournalDir("jailtest", "jail"), "failedset*"))
	require.NoError(t, err)
	require.Empty(t, left)
}
