package jail_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel/simkernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// mixedHost has two sources, jails in each state and form, and jails of others.
func mixedHost(t testing.TB) (*simhost.Host, []host.Source) {
	t.Helper()
	sources := []host.Source{{Name: "ioc", Dataset: "zroot/iocage"}, {Name: "ssd", Dataset: "fast/deep/iocage"}}
	h := openHost(t, simhost.Options{Sources: sources})
	ctx := context.Background()
	putJail(t, h, "zroot/iocage/jails/web1", `{"release": "13.2-RELEASE", "priority": "10", "tags": "front,tls", "user": {"tier": "web"}}`)
	putJail(t, h, "zroot/iocage/jails/web2", `{"release": "13.3-RELEASE", "priority": "9", "boot": 1, "user": {"tier": "web"}}`)
	putJail(t, h, "zroot/iocage/jails/db.main", `{"release": "13.2-RELEASE", "priority": "-1", "boot": "on"}`)
	putJail(t, h, "zroot/iocage/jails/tmpl", `{"template": "yes"}`)
	putJail(t, h, "zroot/iocage/jails/broken", `{"release": `)
	putJail(t, h, "zroot/iocage/jails/away", `{}`)
	require.NoError(t, h.ZFS.Unmount(ctx, "zroot/iocage/jails/away", true))
	putJail(t, h, "zroot/iocage/jails/--odd", `{}`)
	putJail(t, h, "fast/deep/iocage/jails/web1", `{"release": "13.3-RELEASE"}`)
	require.NoError(t, h.ZFS.Create(ctx, "fast/deep/iocage/jails/old", zfsstore.CreateOptions{
		Properties: map[string]string{"org.freebsd.iocage:release": "11.0-RELEASE", "org.freebsd.iocage:boot": "on"},
	}))
	up(t, h, "ioc-web1")
	up(t, h, "ioc-db*main")
	up(t, h, "ssd-web1")
	up(t, h, "poudriere-build")
	up(t, h, "ioc-gone") // its dataset was destroyed by hand
	return h, sources
}

// names lists what is found, followed by what is wrong.
func names(t testing.TB, h *host.Host, o jail.ListOptions) (out []string) {
	t.Helper()
	for j, err := range o.List(context.Background(), h) {
		require.NotNil(t, j, "%v", err)
		line := j.FullName()
		if j.Foreign() {
			line += " foreign"
		}
		switch {
		case errors.Is(err, host.ErrNotMounted):
			line += " not mounted"
		case errors.Is(err, config.ErrMalformed):
			line += " malformed"
		case errors.Is(err, jail.ErrInvalidName):
			line += " invalid"
		case errors.Is(err, config.ErrNoConfig):
			line += " no file"
		default:
			require.NoError(t, err)
		}
		out = append(out, line)
	}
	return out
}

func TestList(t *testing.T) {
	h, sources := mixedHost(t)
	everything := []string{
		"ioc/--odd invalid", "ioc/away not mounted", "ioc/broken malformed", "ioc/db.main", "ioc/tmpl", "ioc/web1", "ioc/web2",
		"ssd/old", "ssd/web1", "poudriere-build foreign", "ioc-gone foreign",
	}
	unreadable := []string{"ioc/--odd invalid", "ioc/away not mounted", "ioc/broken malformed"}
	for _, tc := range []struct {
		filters string
		want    []string
		calls   int // of ZFS
	}{
		{"", everything, 2},
		{"*", everything, 2},
		{"web+", []string{"ioc/web1", "ioc/web2", "ssd/web1"}, 1},
		{"web1", []string{"ioc/web1", "ssd/web1"}, 1},
		{"ssd/web1", []string{"ssd/web1"}, 1},
		{"ioc/web1,ssd/old", []string{"ioc/web1", "ssd/old"}, 2},
		{"source=ssd", []string{"ssd/old", "ssd/web1"}, 2},
		{"source=ssd web1", []string{"ssd/web1"}, 1},
		{"source=none", []string{"poudriere-build foreign", "ioc-gone foreign"}, 0},
		{"foreign=no running=yes", []string{"ioc/db.main", "ioc/web1", "ssd/web1"}, 1},
		{"foreign=yes", []string{"poudriere-build foreign", "ioc-gone foreign"}, 1},
		{"ioc-*", []string{"ioc-gone foreign"}, 1},
		{"identifier=ioc-db\\*main", []string{"ioc/db.main"}, 1},
		{"dataset=fast/*", []string{"ssd/old", "ssd/web1"}, 2},
		{"running=no web*", []string{"ioc/web2"}, 1},
		{"jid=2", []string{"ioc/db.main"}, 1},
		{"state=up foreign=no", []string{"ioc/db.main", "ioc/web1", "ssd/web1"}, 1},
		{"release=13.2-RELEASE,11.0-RELEASE", append(append([]string{}, unreadable...), "ioc/db.main", "ioc/web1", "ssd/old"), 2},
		{"boot=true", append(append([]string{}, unreadable...), "ioc/db.main", "ioc/web2", "ssd/old"), 2},
		{"template=no,- running=no web*", []string{"ioc/web2"}, 1},
		{"tags=tls", append(append([]string{}, unreadable...), "ioc/web1"), 2},
		{"user.tier=web release=13.3-RELEASE", append(append([]string{}, unreadable...), "ioc/web2"), 2},
		{"user.nothing=- web2", []string{"ioc/web2"}, 1},
	} {
		t.Run(tc.filters, func(t *testing.T) {
			again, calls := counted(t, h, sources...)
			require.Equal(t, tc.want, names(t, again, jail.ListOptions{Filters: strings.Fields(tc.filters)}))
			require.Len(t, calls.calls, tc.calls, "%v", calls.calls)
		})
	}
}

func TestListMountedOnly(t *testing.T) {
	h, sources := mixedHost(t)
	again, calls := counted(t, h, sources...)
	require.Equal(t, []string{
		"ioc/--odd invalid", "ioc/broken malformed", "ioc/db.main", "ioc/tmpl", "ioc/web1", "ioc/web2",
		"ssd/old no file", "ssd/web1", "poudriere-build foreign", "ioc-gone foreign",
	}, names(t, again, jail.ListOptions{MountedOnly: true}))
	require.Empty(t, calls.calls)
	require.Zero(t, h.Sim.Forks())
}

func TestListSort(t *testing.T) {
	h, _ := mixedHost(t)
	require.Equal(t, []string{"ioc/db.main", "ssd/old", "ssd/web1", "ioc/web2", "ioc/web1"},
		names(t, h.Host, jail.ListOptions{Filters: []string{"web*,db*,old"}, Sort: []string{"priority", "name"}}))
	require.Equal(t, []string{"ioc/web1", "ioc/web2", "ssd/web1", "ssd/old", "ioc/db.main"},
		names(t, h.Host, jail.ListOptions{Filters: []string{"web*,db*,old"}, Sort: []string{"-priority", "-name"}}))
}

// TestListStops: a caller that has enough, or whose context ends, is obeyed.
func TestListStops(t *testing.T) {
	h, _ := mixedHost(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 0
	for j, err := range jail.List(ctx, h.Host) {
		if n++; n == 3 {
			cancel()
		}
		if n == 4 {
			require.Nil(t, j)
			require.ErrorIs(t, err, context.Canceled)
		}
	}
	require.Equal(t, 4, n)
	for range jail.List(context.Background(), h.Host) {
		break
	}
	for j, err := range jail.List(context.Background(), h.Host, "in valid/") {
		require.Nil(t, j)
		require.ErrorIs(t, err, jail.ErrInvalidName)
	}
	boom := errors.New("boom")
	defer h.Sim.Fail(t, fault.Fault{Op: simkernel.OpJailGet, Match: "*lastjid=*", Nth: 3, Err: boom})()
	for j, err := range jail.List(context.Background(), h.Host) {
		require.Nil(t, j)
		require.ErrorIs(t, err, boom)
	}
}

// TestForeign: what belongs to others is shown and left alone.
func TestForeign(t *testing.T) {
	h, _ := mixedHost(t)
	ctx := context.Background()
	for j, err := range jail.List(ctx, h.Host, "poudriere-build") {
		require.NoError(t, err)
		require.True(t, j.Foreign())
		require.True(t, j.Status().Running)
		_, err = j.Stop(ctx, jail.StopOptions{Force: true})
		require.ErrorIs(t, err, jail.ErrForeign)
		_, err = j.Destroy(ctx, jail.DestroyOptions{})
		require.ErrorIs(t, err, jail.ErrForeign)
		_, err = j.Generator().Start(jail.StartOptions{}).Plan(ctx)
		require.ErrorIs(t, err, jail.ErrForeign)
		require.ErrorIs(t, j.Save(ctx), jail.ErrForeign)
		running, err := j.Running(ctx)
		require.NoError(t, err)
		require.True(t, running)
	}
}

func TestStorage(t *testing.T) {
	h, _ := mixedHost(t)
	for j, err := range jail.List(context.Background(), h.Host, "ioc/web1") {
		require.NoError(t, err)
		d, ok := j.Storage()
		require.True(t, ok)
		require.Equal(t, "zroot/iocage/jails/web1", d.Name)
		used, _ := j.Field("used")
		require.NotEqual(t, []string{"-"}, used)
	}
	for j := range (jail.ListOptions{MountedOnly: true}).List(context.Background(), h.Host) {
		_, ok := j.Storage()
		require.False(t, ok)
	}
}

// TestMistypedFilter: a key that no jail has was an empty list.
func TestMistypedFilter(t *testing.T) {
	h := newHost(t)
	for _, filter := range []string{"runing=yes", "nme=web", "web relase=13.2-RELEASE"} {
		for j, err := range jail.List(t.Context(), h.Host, strings.Fields(filter)...) {
			require.Nil(t, j, filter)
			require.ErrorIs(t, err, config.ErrUnknownProperty, filter)
		}
	}
	for _, filter := range []string{"running=yes", "used=1", "user.any=x", "vnet7_mtu=9000", "allow_any=1"} {
		for _, err := range jail.List(t.Context(), h.Host, filter) {
			require.NoError(t, err, filter)
		}
	}
}
