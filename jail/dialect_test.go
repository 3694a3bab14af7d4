package jail_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// TestLimitsBesideIocagesDefaults: iocage writes rlimits=off into every defaults.json and
// never reads it; every limit of its jails was switched off by that without a word. In
// legacy it is a switch.
func TestLimitsBesideIocagesDefaults(t *testing.T) {
	for name, tt := range map[string]struct {
		defaults string
		rules    []string
	}{
		"iocage": {`{"CONFIG_VERSION": "29", "maxproc": "off", "rlimits": "off"}`, []string{"jail:ioc-web:maxproc:deny=100"}},
		"legacy": {`{"maxproc": "off", "rlimits": "off", "hack88": "0"}`, nil},
		"libioc": {`{"rlimits": "no"}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			j := newJail(t, h, "web", false, nil)
			require.NoError(t, os.WriteFile(filepath.Join(mountpoint(t, h, simhost.Dataset), "defaults.json"), []byte(tt.defaults), 0o644))
			writeConf(t, h, j.Dataset(), `{"host_hostuuid": "web", "maxproc": "deny=100", "release": "13.2-RELEASE"}`)
			start(t, load(t, h, "web")[0])
			rules, err := h.Sim.RctlGetRules(t.Context(), "jail:ioc-web")
			require.NoError(t, err)
			require.Equal(t, tt.rules, rules)
		})
	}
}

// TestWithoutEffectIsTold: what another program would act on, and this library does not,
// was accepted without a word.
func TestWithoutEffectIsTold(t *testing.T) {
	for conf, says := range map[string][]string{
		`"nat": 1, "nat_forwards": "tcp(80:8080)"`: {"nat=1 has no effect: set user.nat", "nat_forwards=tcp(80:8080) has no effect"},
		`"nat": 0, "nat_forwards": "tcp(80:8080)"`: nil,
		`"ip_hostname": 1`:                         {"ip_hostname=1 has no effect: set ip4_addr"},
		`"assign_localhost": 1`:                    {"assign_localhost=1 has no effect: set ip4_addr=lo0|127.x.y.z"},
		`"dhcp": 1`:                                {"dhcp=1 has no effect: it needs vnet=yes"},
		`"dhcp": "off", "assign_localhost": "0"`:   nil,
	} {
		t.Run(conf, func(t *testing.T) {
			h := newHost(t)
			j := newJail(t, h, "web", false, nil)
			writeConf(t, h, j.Dataset(), `{"host_hostuuid": "web", "release": "13.2-RELEASE", `+conf+`}`)
			all, err := load(t, h, "web")[0].Start(t.Context(), jail.StartOptions{})
			require.NoError(t, err)
			var told []string
			for _, e := range eventsOf[events.JailAttach](all) {
				if e.State == events.Done && e.Message != "" {
					told = append(told, strings.Split(e.Message, "; ")...)
				}
			}
			require.Len(t, told, len(says))
			for i := range says {
				require.Contains(t, told[i], says[i])
			}
		})
	}
}

// TestEveryPropertyActsOrIsTold: no property of the schema is accepted without effect and
// without an event.
func TestEveryPropertyActsOrIsTold(t *testing.T) {
	told := 0
	for _, p := range config.Properties() {
		if p.Scope == config.ScopeInfo || p.Used || p.Param != "" {
			continue
		}
		own := config.New()
		for key, value := range map[string]string{p.Name: "7", "nat": "1", "assign_localhost": "1"} {
			if p.Type == config.TypeBool || key != p.Name {
				value = "1"
			} else if p.Type == config.TypeWord {
				value = p.Words[len(p.Words)-1]
			}
			require.NoError(t, own.Set(key, value), key)
		}
		list := strings.Join(config.Effective{Own: own}.WithoutEffect(), " ")
		require.Contains(t, " "+list, " "+p.Name+"=")
		told++
	}
	require.NotZero(t, told)
}

// TestParametersThatOnlyTheKernelKnows: a permission that the schema lacks was never sent,
// and one with a typo was accepted; linux.osname and others could not be set at all.
func TestParametersThatOnlyTheKernelKnows(t *testing.T) {
	ctx := t.Context()
	h, err := simhost.Open(simhost.Options{Dir: memoryDir(t), Kernel: func(o *simkernel.Options) { o.Modules = []string{"linux"} }})
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	fetch(t, h)
	j := newJail(t, h, "web", false, map[string]string{"linux.osname": "Linux", "linux.osrelease": "5.4.0", "allow_read_msgbuf": "1"})
	start(t, j)
	id := stackOf(t, h, j).id
	p, err := h.Sim.JailGet(ctx, 0, kernel.ByJID(id.JID), "linux.osname", "linux.osrelease", "allow.read_msgbuf")
	require.NoError(t, err)
	require.Equal(t, "Linux", p.String("linux.osname"))
	require.Equal(t, "5.4.0", p.String("linux.osrelease"))
	require.True(t, p.Bool("allow.read_msgbuf"))

	for _, key := range []string{"allow_raw_socket", "linux.osnam"} {
		typo := newJail(t, h, "typo", false, map[string]string{key: "1"})
		_, err := typo.Start(ctx, jail.StartOptions{})
		require.ErrorContains(t, err, " parameter", key)
		require.ErrorContains(t, err, strings.Replace(key, "allow_", "allow.", 1), key)
		_, err = typo.Destroy(ctx, jail.DestroyOptions{})
		require.NoError(t, err)
	}
	_, err = jail.New(ctx, h.Host, jail.Spec{Name: "x", Properties: map[string]string{"linx.osname": "Linux"}})
	require.ErrorIs(t, err, config.ErrUnknownProperty)
}

// TestStateIsLive: after Start and Stop the Jail told what it was when it was loaded, and
// most members of libioc's resource were unknown keys.
func TestStateIsLive(t *testing.T) {
	h := newHost(t)
	j := newJail(t, h, "web", true, nil)
	get := func(key string) string {
		t.Helper()
		text, err := j.GetString(key)
		require.NoError(t, err, key)
		return text
	}
	field := func(key string) string {
		t.Helper()
		values, ok := j.Field(key)
		require.True(t, ok, key)
		return strings.Join(values, " ")
	}
	for _, up := range []bool{false, true, false} {
		want := map[bool][]string{false: {"no", "yes", "-", "down"}, true: {"yes", "no", "1", "up"}}[up]
		if up {
			start(t, j)
		} else if get("running") == "yes" {
			_, err := j.Stop(t.Context(), jail.StopOptions{})
			require.NoError(t, err)
		}
		for i, key := range []string{"running", "stopped", "jid", "state"} {
			require.Equal(t, want[i], field(key), "%v %s", up, key)
			require.Equal(t, want[i], get(key), "%v %s", up, key)
		}
		require.Equal(t, up, j.Status().Running)
	}
	start(t, j)
	require.NoError(t, h.Kernel.JailRemove(t.Context(), stackOf(t, h, j).id)) // by somebody else
	require.Equal(t, "no", get("running"))

	for key, want := range map[string]string{
		"humanreadable_name": "web", "dataset_name": "zroot/iocage/jails/web", "root_dataset_name": "zroot/iocage/jails/web/root",
		"root_path": j.Path() + "/root", "is_basejail": "yes", "hostid_check_ok": "yes",
	} {
		require.Equal(t, want, get(key), key)
	}
}

// TestSharedDatasetWithoutPool: iocage and legacy leave the pool out of jail_zfs_dataset,
// and the dataset did not exist for such a jail.
func TestSharedDatasetWithoutPool(t *testing.T) {
	ctx := t.Context()
	h := sharingHost(t) // zroot/shared is jailed
	_, err := load(t, h, "web")[0].Destroy(ctx, jail.DestroyOptions{})
	require.NoError(t, err)
	j := newJail(t, h, "shop", false, nil)
	writeRoot(t, h, "shop", "sbin/zfs")
	for conf, refused := range map[string]bool{
		`"host_hostuuid": "shop", "jail_zfs_dataset": "shared"`:       false,
		`"host_hostuuid": "shop", "jail_zfs_dataset": "zroot/shared"`: false,
		`"host_hostuuid": "shop", "jail_zfs_dataset": "nosuch"`:       true,
		`"id": "shop", "jail_zfs_dataset": "shared"`:                  true, // libioc writes it in full
	} {
		writeConf(t, h, j.Dataset(), `{"release": "13.2-RELEASE", "jail_zfs": 1, `+conf+`}`)
		j := load(t, h, "shop")[0]
		_, err := j.Start(ctx, jail.StartOptions{})
		if refused {
			var share *jail.ShareError
			require.ErrorAs(t, err, &share, conf)
			continue
		}
		require.NoError(t, err, conf)
		_, err = j.Stop(ctx, jail.StopOptions{})
		require.NoError(t, err, conf)
	}
}

// TestJailOfAnIocageTemplate: with its own id the new file is libioc's, and lists and
// datasets that stayed in iocage's words meant other things.
func TestJailOfAnIocageTemplate(t *testing.T) {
	ctx := t.Context()
	h := newHost(t)
	tpl := newJail(t, h, "tpl", false, nil)
	_, err := tpl.SetTemplate(ctx, jail.TemplateOptions{Template: true})
	require.NoError(t, err)
	writeConf(t, h, tpl.Dataset(), `{"CONFIG_VERSION": "29", "host_hostuuid": "tpl", "template": 1, "release": "13.2-RELEASE", "jail_zfs": 1, "jail_zfs_dataset": "data/x", "depends": "a b", "resolver": "none"}`)
	j, err := jail.New(ctx, h.Host, jail.Spec{Name: "web"})
	require.NoError(t, err)
	_, err = j.Create(ctx, jail.CreateOptions{Template: "tpl"})
	require.NoError(t, err)
	eff := load(t, h, "web")[0].Effective()
	require.Equal(t, []string{"zroot/data/x"}, key.JailZFSDataset.Of(eff))
	require.Equal(t, "a,b", key.Depends.Of(eff).String())
	require.Equal(t, config.ResolverCopy, key.Resolver.Of(eff).Mode)
}

// TestDependsForIocage: iocage splits at blanks only, so that two names with a comma were
// one jail for it.
func TestDependsForIocage(t *testing.T) {
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	writeConf(t, h, j.Dataset(), `{"CONFIG_VERSION": "29", "depends": "none", "host_hostuuid": "web", "release": "13.2-RELEASE"}`)
	_, err := load(t, h, "web")[0].Set(t.Context(), map[string]string{"depends": "db cache", "vnet_interfaces": "em1,em2"}, jail.SetOptions{})
	require.NoError(t, err)
	require.Contains(t, confOf(t, j), `"depends": "db cache"`)
	require.Contains(t, confOf(t, j), `"vnet_interfaces": "em1 em2"`)
	require.Equal(t, []string{"em1", "em2"}, key.VNETInterfaces.Of(load(t, h, "web")[0].Effective()))
	text, err := load(t, h, "web")[0].GetString("depends")
	require.NoError(t, err)
	require.Equal(t, "db,cache", text)

	writeConf(t, h, j.Dataset(), `{"id": "web", "release": "13.2-RELEASE"}`)
	_, err = load(t, h, "web")[0].Set(t.Context(), map[string]string{"depends": "db cache"}, jail.SetOptions{})
	require.NoError(t, err)
	require.Contains(t, confOf(t, j), `"depends": "db,cache"`)
}
