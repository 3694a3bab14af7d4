package jail_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/jail/fleet"
	"github.com/libioc/go-libioc/zfsstore"
)

// propertiesHost has a jail as faultHost makes it, in ZFS properties.
func propertiesHost(t *testing.T) *simhost.Host {
	t.Helper()
	h, j := faultHost(t, false)
	toProperties(t, h, j)
	return h
}

// propertiesOperations are those that read or write a configuration, on a jail
// that has it in ZFS properties.
func propertiesOperations() []operationRow {
	type generator = jail.JailGenerator
	var rows []operationRow
	add := func(name string, ready readier, p planner, run performer) {
		rows = append(rows, operationRow{name: name + ", ZFS properties", setup: propertiesHost, ready: ready, plan: p, run: run})
	}
	p, run := on("web", jail.StartOptions{}, (*generator).Start)
	add("start", stopped("web"), p, run)
	p, run = on("web", jail.RenameOptions{Name: "second"}, (*generator).Rename)
	add("rename", both(named("web", "second"), stopped("web")), p, run)
	p, run = on("web", jail.TemplateOptions{Template: true}, (*generator).SetTemplate)
	add("make a template", templated("web", false), p, run)
	values := map[string]string{"host_hostname": "new", "user.team": "ours", "exec_poststop": ""}
	p, run = methods(func(ctx context.Context, h *simhost.Host) (*jail.Jail, error) {
		return jail.Load(ctx, h.Host, "web")
	}, jail.SetOptions{}, func(g *generator, o jail.SetOptions) *jail.Operation { return g.Set(values, o) })
	add("set", func(t *testing.T, ctx context.Context, h *simhost.Host) {
		started("web")(t, ctx, h)
		_, err := loaded(t, ctx, h, "web").Set(ctx, map[string]string{
			"host_hostname": "old", "user.team": "", "exec_poststop": "true",
		}, jail.SetOptions{})
		require.NoError(t, err)
	}, p, run)
	p, run = on("web", jail.UpgradeOptions{Release: "14.3-RELEASE"}, (*generator).Upgrade)
	rows = append(rows, operationRow{name: "upgrade, ZFS properties", setup: updatableHost, plan: p, run: run,
		ready: func(t *testing.T, ctx context.Context, h *simhost.Host) {
			renewed(false)(t, ctx, h)
			toProperties(t, h, loaded(t, ctx, h, "web"))
		}})
	return rows
}

// A jail whose configuration is in ZFS properties could be neither started nor
// stopped nor changed: what is fingerprinted and saved was taken for a file.
func TestJailInZFSPropertiesHasItsWholeLife(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, map[string]string{"user.team": "db"})
	toProperties(t, h, j)
	require.NoError(t, h.Store.Set(ctx, j.Dataset(), map[string]string{"org.freebsd.iocage:hack88": "0"}))
	property := func(j *jail.Jail, key string) string {
		t.Helper()
		d, err := h.Store.Get(ctx, j.Dataset(), zfsstore.GetOptions{Properties: []string{zfsstore.AllProperties}})
		require.NoError(t, err)
		require.Equal(t, "0", d.Properties["org.freebsd.iocage:hack88"].Value, "an unknown key is kept")
		require.NoFileExists(t, filepath.Join(j.Path(), config.JSONFile))
		require.NoFileExists(t, filepath.Join(j.Path(), config.UCLFile))
		if p := d.Properties["org.freebsd.iocage:"+key]; p.Source == zfsstore.SourceLocal {
			return p.Value
		}
		return ""
	}
	done := func(_ []events.IocEvent, err error) {
		t.Helper()
		require.NoError(t, err)
	}
	j = loaded(t, ctx, h, "web")
	done(j.Start(ctx, jail.StartOptions{}))
	done(j.Restart(ctx, jail.RestartOptions{}))
	done(j.Restart(ctx, jail.RestartOptions{Shutdown: true}))
	done(j.Set(ctx, map[string]string{"host_hostname": "b", "user.team": ""}, jail.SetOptions{}))
	require.Equal(t, "b", property(j, "host_hostname"))
	require.Empty(t, property(j, "user.team"))
	done(j.ApplyLimits(ctx, jail.LimitOptions{}))
	done(j.Stop(ctx, jail.StopOptions{}))
	done(j.Start(ctx, jail.StartOptions{}))
	results, err := fleet.StopAll(ctx, h.Host, []*jail.Jail{j}, fleet.StopAllOptions{})
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
	result, all, err := j.ForkExec(ctx, []string{"/bin/freebsd-version"}, jail.ForkExecOptions{Properties: map[string]string{"host_hostname": "c"}})
	done(all, err)
	require.Zero(t, result.ExitCode)
	require.Equal(t, "b", property(j, "host_hostname"))
	done(j.SetTemplate(ctx, jail.TemplateOptions{Template: true}))
	require.NotEmpty(t, property(j, "template"))
	for name, o := range map[string]jail.CreateOptions{"fromtemplate": {Template: "web"}, "fromjail": {Jail: "web"}} {
		k, err := jail.New(ctx, h.Host, jail.Spec{Name: name})
		require.NoError(t, err)
		done(k.Create(ctx, o))
		require.Equal(t, config.JSON, loaded(t, ctx, h, name).Config().Format())
		done(k.Destroy(ctx, jail.DestroyOptions{}))
	}
	done(j.SetTemplate(ctx, jail.TemplateOptions{}))
	done(j.CreateSnapshot(ctx, jail.SnapshotOptions{Name: "s"}))
	done(j.RollbackSnapshot(ctx, jail.RollbackOptions{Name: "s", Configuration: true}))
	require.Equal(t, "b", property(j, "host_hostname"))
	done(j.Rename(ctx, jail.RenameOptions{Name: "www"}))
	require.Equal(t, "www", property(j, "id"))
	require.NoError(t, j.Config().Set("notes", "text"))
	require.NoError(t, j.Save(ctx))
	require.Equal(t, "text", property(j, "notes"))
	done(j.Start(ctx, jail.StartOptions{}))
	done(j.Stop(ctx, jail.StopOptions{Force: true}))
	done(j.Start(ctx, jail.StartOptions{}))
	_, err = fleet.Shutdown(ctx, h.Host, fleet.ShutdownOptions{})
	require.NoError(t, err)
	running, err := loaded(t, ctx, h, "www").Running(ctx)
	require.NoError(t, err)
	require.False(t, running)
}
