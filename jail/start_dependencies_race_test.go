package jail_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// onIdentify calls do when a running jail is asked for by its name.
type onIdentify struct {
	kernel.Kernel
	name string
	do   func()
}

func (k onIdentify) JailIdentify(ctx context.Context, f kernel.GetFlags, s kernel.Param) (kernel.Identity, error) {
	id, err := k.Kernel.JailIdentify(ctx, f, s)
	if err == nil && reflect.DeepEqual(s, kernel.ByName(k.name)) {
		k.do()
		return k.Kernel.JailIdentify(ctx, f, s)
	}
	return id, err
}

// TestWhatAnotherNeedsStays: a command that needed db stopped it although a jail that needs
// it had come up in between; so did a start that lost against another start of its jail.
func TestWhatAnotherNeedsStays(t *testing.T) {
	ctx := t.Context()
	for name, on := range map[string]string{"command": "ioc-job", "lost start": "ioc-db"} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			db := newJail(t, h, "db", false, map[string]string{"user.ready": "file=/etc interval=10ms timeout=5s"})
			web := newJail(t, h, "web", false, map[string]string{"depends": "db"})
			job := newJail(t, h, "job", false, map[string]string{"depends": "db"})
			other, k, done := load(t, h, "web")[0], h.Kernel, false
			h.Kernel = onIdentify{k, on, func() {
				unlock, err := h.Lock(ctx, "ioc/jail/db", "test", host.BusyFail)
				if done || err != nil {
					return // db is still being started
				}
				unlock()
				done = true
				_, err = other.Start(ctx, jail.StartOptions{})
				require.NoError(t, err)
			}}
			var err error
			if on == "ioc-job" {
				_, _, err = job.ForkExec(ctx, []string{"/bin/sh", "-c", "true"}, jail.ForkExecOptions{})
				require.NoError(t, err)
			} else {
				_, err = web.Start(ctx, jail.StartOptions{})
				require.ErrorIs(t, err, jail.ErrRunning)
			}
			h.Kernel = k
			require.True(t, done)
			for _, j := range []*jail.Jail{web, db} {
				running, err := j.Running(ctx)
				require.NoError(t, err)
				require.True(t, running, "%s", j)
			}
		})
	}
}

// TestBusyDependency: what runs already is not waited for.
func TestBusyDependency(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	h := newHost(t)
	db := newJail(t, h, "db", false, nil)
	web := newJail(t, h, "web", false, map[string]string{"depends": "db"})
	_, err := db.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	unlock, err := h.Lock(ctx, "ioc/jail/db", "snapshot", host.BusyFail)
	require.NoError(t, err)
	defer unlock()
	_, err = web.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
}

// TestStartOfARunningJail: it is told to run, whatever became of what it depends on.
func TestStartOfARunningJail(t *testing.T) {
	ctx := t.Context()
	h := newHost(t)
	db := newJail(t, h, "db", false, nil)
	web := newJail(t, h, "web", false, map[string]string{"depends": "db"})
	_, err := web.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	_, err = db.Destroy(ctx, jail.DestroyOptions{Force: true})
	require.NoError(t, err)
	_, err = web.Start(ctx, jail.StartOptions{})
	require.ErrorIs(t, err, jail.ErrRunning)
}

// TestDependenciesInDefaults: the defaults are read when the jail starts.
func TestDependenciesInDefaults(t *testing.T) {
	ctx := t.Context()
	h := newHost(t)
	db := newJail(t, h, "db", false, map[string]string{"depends": "none"})
	web := newJail(t, h, "web", false, nil)
	defaults, space, err := jail.Defaults(ctx, h.Host, "")
	require.NoError(t, err)
	require.NoError(t, defaults.Set("depends", "db"))
	require.NoError(t, defaults.Save(space.Mountpoint))
	_, err = web.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	running, err := db.Running(ctx)
	require.NoError(t, err)
	require.True(t, running)

	// Another form of the file would not count.
	ucl, _, err := defaults.Convert(config.UCL)
	require.NoError(t, err)
	require.ErrorIs(t, ucl.Save(space.Mountpoint), config.ErrNotStorable)
	again, _, err := defaults.Convert(config.JSON)
	require.NoError(t, err)
	require.NoError(t, again.Set("priority", "7"))
	require.NoError(t, again.Save(space.Mountpoint))
	defaults, _, err = jail.Defaults(ctx, h.Host, "")
	require.NoError(t, err)
	text, _ := defaults.GetString("priority")
	require.Equal(t, "7", text)
}

// TestNoTimeoutForALease: none is the default.
func TestNoTimeoutForALease(t *testing.T) {
	h, j := withNet(t, map[string]string{
		"vnet": "yes", "interfaces": "vnet0:bridge0", "ip4_addr": "vnet0|10.0.0.5/24", "user.network.dhcp_timeout": "none",
	})
	running, err := j.Running(t.Context())
	require.NoError(t, err)
	require.True(t, running, "%v", h.Host)
}
