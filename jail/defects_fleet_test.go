package jail_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
)

// Reading a property of a host without defaults created a dataset.
func TestLibiocReadingDefaultsCreatedADataset(t *testing.T) {
	h := newHost(t)
	ctx := context.Background()
	newJail(t, h, "web", false, nil)
	before := world(t, h)
	h.ZFS.ForgetCalls()
	_, _, err := jail.Defaults(ctx, h.Host, "")
	require.NoError(t, err)
	for j, err := range jail.List(ctx, h.Host) {
		require.NoError(t, err)
		_, ok := j.Field("boot")
		require.True(t, ok)
	}
	requireSame(t, before, world(t, h))
	for _, c := range h.ZFS.Calls() {
		require.NotEqual(t, "create", c.Op, "%v", c.Args)
	}
}

// The expression for names took a time that doubled with each character.
func TestLibiocNameExpressionWasExponential(t *testing.T) {
	h := newHost(t)
	began := time.Now()
	for _, name := range []string{strings.Repeat("a", 24) + "@", strings.Repeat("a-", 100_000) + "@", strings.Repeat("a", 1<<20)} {
		_, err := jail.New(context.Background(), h.Host, jail.Spec{Name: name})
		require.ErrorIs(t, err, jail.ErrInvalidName)
	}
	require.Less(t, time.Since(began), 2*time.Second)
}

// An error within a property was told as a property that does not exist.
func TestLibiocAttributeErrorsWereMasked(t *testing.T) {
	h := newHost(t)
	putPlain(t, h, "web", nil)
	j := load(t, h, "web")[0]
	_, ok := j.Field("no_such_key")
	require.False(t, ok)
	putJail(t, h, "zroot/iocage/jails/broken", `{"release": `)
	for j, err := range jail.List(context.Background(), h.Host, "broken") {
		require.ErrorIs(t, err, config.ErrMalformed, j.Name())
		require.NotErrorIs(t, err, config.ErrUnknownProperty)
	}
}

// The lines for resolv.conf were kept in the class: the second jail of a
// process got those of the first.
func TestLibiocResolverWasSharedByAllJails(t *testing.T) {
	h := newHost(t)
	ctx := context.Background()
	want := map[string]string{"web": "nameserver 192.0.2.1\n", "db": "nameserver 192.0.2.2\nsearch example.org\n"}
	for name, lines := range want {
		value := strings.ReplaceAll(strings.TrimSuffix(lines, "\n"), "\n", ";")
		start(t, newJail(t, h, name, false, map[string]string{"resolver": value}))
	}
	for name, lines := range want {
		root, err := load(t, h, name)[0].RootPath(ctx)
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(root, "etc/resolv.conf"))
		require.NoError(t, err)
		require.Equal(t, lines, string(got), name)
	}
}

// iocage#712, #832, #377, #344, #351: healthy jails were shown as "corrupt
// configuration, please destroy this jail" for one key that did not suit.
func TestIocage712OneBadKeyIsNoCorruptJail(t *testing.T) {
	h := newHost(t)
	ctx := context.Background()
	text := plain(map[string]string{"CONFIG_VERSION": "99", "vnet": "perhaps", "user.of_a_later_version": "x"})
	putJail(t, h, "zroot/iocage/jails/web", text)
	file := filepath.Join(mountpoint(t, h, "zroot/iocage/jails/web"), "config.json")
	found := 0
	for j, err := range jail.List(ctx, h.Host) {
		found++
		require.NoError(t, err)
		require.Equal(t, "web", j.Name())
	}
	require.Equal(t, 1, found)
	_, err := load(t, h, "web")[0].Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, config.ErrInvalidValue)
	require.ErrorContains(t, err, "vnet")
	require.NotContains(t, err.Error(), "CONFIG_VERSION")
	require.NotContains(t, err.Error(), "destroy")
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, text, string(got))

	j := load(t, h, "web")[0]
	require.NoError(t, j.Config().Set("vnet", "off"))
	require.NoError(t, j.Save(ctx))
	start(t, j)
	got, err = os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(got), "of_a_later_version")
}

// pot#224, #227: what had failed half-way was "not in a state where it can be
// stopped" forever. The state is what the kernel says.
func TestPot224NoStateLastsForEver(t *testing.T) {
	h := newHost(t)
	ctx := context.Background()
	j := newJail(t, h, "web", true, map[string]string{"exec_poststart": "true"})
	p, err := j.Generator().Start(jail.StartOptions{}).Plan(ctx)
	require.NoError(t, err)
	for step := range p.Steps() {
		_, err := j.Start(plan.WithFault(ctx, at(step, "do", plan.ErrCrash)), jail.StartOptions{})
		if !errors.Is(err, plan.ErrCrash) {
			require.NoError(t, err) // the step was not needed
		}
		_, err = j.Stop(ctx, jail.StopOptions{})
		if err != nil {
			require.ErrorIs(t, err, jail.ErrNotRunning, "step %d", step)
		}
		start(t, j)
		_, err = j.Stop(ctx, jail.StopOptions{})
		require.NoError(t, err, "step %d", step)
	}
}

// imunes#89: a jail stayed dying for as long as a socket of it was open, and
// its name could not be used. Here it holds up nothing but the end of its files,
// and that is said.
func TestImunes89DyingJails(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	ctx := context.Background()
	j := newJail(t, h, "web", true, nil)
	var releases []func()
	for range 3 {
		start(t, j)
		id, err := j.Identity(ctx)
		require.NoError(t, err)
		release, err := h.Sim.HoldDying(id)
		require.NoError(t, err)
		releases = append(releases, release)
		began := time.Now()
		_, err = j.Stop(ctx, jail.StopOptions{})
		require.NoError(t, err)
		require.Less(t, time.Since(began), 5*time.Second)
		up, err := j.Running(ctx)
		require.NoError(t, err)
		require.False(t, up)
	}
	_, err := j.Destroy(ctx, jail.DestroyOptions{})
	var held *jail.HeldError
	require.ErrorAs(t, err, &held)
	require.Len(t, held.Dying, 3)
	require.ErrorContains(t, err, "dying jail ioc-web")
	for _, release := range releases {
		release()
	}
	_, err = j.Destroy(ctx, jail.DestroyOptions{})
	require.NoError(t, err)
}

// A key other than the name raised an error, and the source was taken from the
// first of several names.
func TestLibiocFiltersByOtherKeysAndOfSeveralSources(t *testing.T) {
	h, _ := mixedHost(t)
	for filters, want := range map[string][]string{
		"running=no web*":    {"ioc/web2"},
		"ioc/web1,ssd/old":   {"ioc/web1", "ssd/old"},
		"ssd/old,ioc/web1":   {"ioc/web1", "ssd/old"},
		"priority=9 ioc/*":   {"ioc/web2"},
		"user.tier=web web+": {"ioc/web1", "ioc/web2"},
	} {
		got := names(t, h.Host, jail.ListOptions{Filters: strings.Fields(filters)})
		got = slices.DeleteFunc(got, func(s string) bool {
			return strings.HasSuffix(s, "invalid") || strings.HasSuffix(s, "malformed") || strings.HasSuffix(s, "mounted")
		})
		require.Equal(t, want, got, filters)
	}
}

// The limits of a jail were cleared by a line of shell with its name in it.
// Those of a jail whose name begins alike stay, and a name is never a pattern.
func TestLibiocLimitsAreOfOneJail(t *testing.T) {
	h := newHost(t)
	ctx := context.Background()
	limit := map[string]string{"maxproc": "20:deny", "exec_start": "none", "exec_stop": "none"}
	for _, name := range []string{"web", "web2", "web.2", "we"} {
		start(t, newJail(t, h, name, false, limit))
	}
	before, err := h.Sim.RctlGetRules(ctx, "jail:")
	require.NoError(t, err)
	require.Len(t, before, 4)
	_, err = load(t, h, "web")[0].Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	after, err := h.Sim.RctlGetRules(ctx, "jail:")
	require.NoError(t, err)
	require.Len(t, after, 3)
	require.NotContains(t, strings.Join(after, " "), "jail:ioc-web:")
	require.Zero(t, h.Sim.Forks())
}

// Errors of addresses and routes inside a jail were ignored.
func TestLibiocErrorsInsideTheJailCount(t *testing.T) {
	h := netHost(t)
	ctx := context.Background()
	j := newJail(t, h, "web", false, map[string]string{
		"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|192.0.2.9/24", "defaultrouter": "192.0.2.1", "exec_start": "none",
	})
	before := world(t, h)
	for _, op := range []string{"SIOCAIFADDR", "RTM_ADD"} {
		cancel := h.Sim.Fail(t, fault.Fault{Op: op, Match: "*ioc-web*", Nth: 1, Err: errInjected})
		_, err := j.Start(ctx, jail.StartOptions{})
		cancel()
		require.ErrorIs(t, err, errInjected, op)
		requireSame(t, withoutDevices(before), withoutDevices(world(t, h)))
	}
	start(t, j)
}

// exec_timeout had no effect: a hook that never ends kept a start forever.
func TestLibiocExecTimeoutCounts(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	j := newJail(t, h, "web", false, map[string]string{"exec_timeout": "1", "exec_prestart": "sleep 60"})
	began := time.Now()
	_, err := j.Start(context.Background(), jail.StartOptions{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(began), 20*time.Second)
}
