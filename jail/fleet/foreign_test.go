package fleet_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/jail/fleet"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// upAt makes a jail in the kernel with a path.
func upAt(t *testing.T, h *simhost.Host, name, path string) kernel.Identity {
	t.Helper()
	_, err := h.Kernel.JailSet(t.Context(), kernel.JailCreate, kernel.String("name", name), kernel.String("path", path), kernel.Bool("persist", true))
	require.NoError(t, err)
	id, err := h.Kernel.JailIdentify(t.Context(), 0, kernel.ByName(name))
	require.NoError(t, err)
	return id
}

// TestWatchTellsAnothersJailFromOurs: another program's jail that has the kernel name of
// one of ours was reported as ours, at the beginning, when it started and when our dataset
// was made later.
func TestWatchTellsAnothersJailFromOurs(t *testing.T) {
	for _, release := range []string{"13.2-RELEASE", "15.1-RELEASE"} {
		t.Run(release, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // a change that is never told
			defer cancel()
			h := jailtest.OpenHost(t, simhost.Options{Release: release})
			jailtest.PutPlain(t, h, "web", nil)
			root := jailtest.Mountpoint(t, h, simhost.Dataset+"/jails/web/root")
			elsewhere := t.TempDir()
			other := upAt(t, h, "ioc-web", elsewhere)
			late := upAt(t, h, "ioc-late", elsewhere)
			next, stop := iter.Pull2(fleet.WatchOptions{Interval: 5 * time.Millisecond}.Watch(ctx, h.Host))
			defer stop()
			want := func(changes ...fleet.Change) {
				t.Helper()
				var got []fleet.Change
				for range changes {
					got = append(got, nextChange(t, next))
				}
				require.ElementsMatch(t, changes, got)
			}
			want(
				fleet.Change{Kind: fleet.ChangeThere, Jail: "ioc-late", Foreign: true, Identity: late},
				fleet.Change{Kind: fleet.ChangeThere, Jail: "ioc-web", Foreign: true, Identity: other},
				fleet.Change{Kind: fleet.ChangeThere, Jail: "web"},
				fleet.Change{Kind: fleet.ChangeSnapshot},
			)
			require.NoError(t, h.Kernel.JailRemove(ctx, other))
			want(fleet.Change{Kind: fleet.ChangeStopped, Jail: "ioc-web", Foreign: true, Identity: other})
			ours := upAt(t, h, "ioc-web", root)
			want(fleet.Change{Kind: fleet.ChangeStarted, Jail: "web", Identity: ours})
			require.NoError(t, h.Kernel.JailRemove(ctx, ours))
			want(fleet.Change{Kind: fleet.ChangeStopped, Jail: "web", Identity: ours})
			other = upAt(t, h, "ioc-web", elsewhere)
			want(fleet.Change{Kind: fleet.ChangeStarted, Jail: "ioc-web", Foreign: true, Identity: other})

			require.NoError(t, h.ZFS.Create(ctx, simhost.Dataset+"/jails/late", zfsstore.CreateOptions{}))
			want(fleet.Change{Kind: fleet.ChangeCreated, Jail: "late"})
			require.NoError(t, h.Kernel.JailRemove(ctx, late))
			want(fleet.Change{Kind: fleet.ChangeStopped, Jail: "ioc-late", Foreign: true, Identity: late})
		})
	}
}

// TestSupervisorLeavesAnothersJail: the supervisor took another program's jail of the name
// of one of ours for it, checked it and told that it had ended.
func TestSupervisorLeavesAnothersJail(t *testing.T) {
	h := jailtest.OpenHost(t, simhost.Options{})
	jailtest.PutPlain(t, h, "web", map[string]string{
		"user.health": "file=/well interval=5ms failures=1", key.UserRestart.String(): "always backoff=5ms",
	})
	other := upAt(t, h, "ioc-web", t.TempDir())
	s := supervise(t, h)
	require.Eventually(t, func() bool { return len(s.Jails()) == 1 }, 10*time.Second, time.Millisecond)
	time.Sleep(100 * time.Millisecond)
	require.NoError(t, h.Kernel.JailRemove(t.Context(), other)) // it is the same one
	time.Sleep(100 * time.Millisecond)
	require.Empty(t, s.kinds("web"))
	_, err := jailtest.Load(t, h, "web")[0].Start(t.Context(), jail.StartOptions{})
	require.NoError(t, err)
	s.await(t, "web", fleet.SupervisionUnhealthy, 1)
}
