package jail_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel/simkernel"
	"github.com/libioc/go-libioc/zfsstore"
)

func confOf(t *testing.T, j *jail.Jail) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(j.Path(), config.JSONFile))
	require.NoError(t, err)
	return string(data)
}

// TestSetRefusesACircle: Set wrote a circle that Save refuses, and Boot then started
// neither jail.
func TestSetRefusesACircle(t *testing.T) {
	h := newHost(t)
	g := newJail(t, h, "g", false, nil)
	newJail(t, h, "k", false, map[string]string{"depends": "g"})
	before := confOf(t, g)
	for _, on := range []string{"k", "g"} {
		_, err := g.Set(t.Context(), map[string]string{"depends": on, "user.team": "x"}, jail.SetOptions{})
		require.ErrorIs(t, err, jail.ErrCycle, on)
		require.Equal(t, before, confOf(t, g))
	}
	_, err := g.Set(t.Context(), map[string]string{"depends": "other"}, jail.SetOptions{})
	require.NoError(t, err)
}

// TestUnsetLimitIsDropped: "off" in a file of libioc's makes it run rctl(8) with that.
func TestUnsetLimitIsDropped(t *testing.T) {
	h := newHost(t)
	j := newJail(t, h, "web", false, map[string]string{"maxproc": "100", "openfiles": "10"})
	set := func(values map[string]string) {
		t.Helper()
		_, err := j.Set(t.Context(), values, jail.SetOptions{})
		require.NoError(t, err)
	}
	set(map[string]string{"maxproc": "off", "openfiles": "none"})
	require.NotContains(t, confOf(t, j), "maxproc")
	require.NotContains(t, confOf(t, j), "openfiles")

	// What the defaults file has is off for this jail in libioc's own words.
	require.NoError(t, os.WriteFile(filepath.Join(mountpoint(t, h, simhost.Dataset), "defaults.json"), []byte(`{"maxproc": "100"}`), 0o644))
	j = load(t, h, "web")[0]
	require.Len(t, j.Effective().Limits(), 1)
	set(map[string]string{"maxproc": "off"})
	require.Contains(t, confOf(t, j), `"maxproc": "None=None/None"`)
	require.Empty(t, load(t, h, "web")[0].Effective().Limits())
	set(map[string]string{"maxproc": ""})
	require.NotContains(t, confOf(t, j), "maxproc")

	// iocage's own word stays in its files.
	writeConf(t, h, j.Dataset(), `{"CONFIG_VERSION": "29", "host_hostuuid": "web", "release": "13.2-RELEASE", "maxproc": "5"}`)
	j = load(t, h, "web")[0]
	set(map[string]string{"maxproc": "off"})
	require.Contains(t, confOf(t, j), `"maxproc": "off"`)
}

// TestMACOfNoNIC: the link addresses of a nic that the jail does not have, right or wrong,
// do not keep it from starting.
func TestMACOfNoNIC(t *testing.T) {
	h := netHost(t)
	j := newJail(t, h, "web", false, map[string]string{"vnet": "yes", "interfaces": "vnet0:bridge0"})
	writeConf(t, h, j.Dataset(), `{"id": "web", "release": "13.2-RELEASE", "vnet": "yes", "interfaces": "vnet0:bridge0", "vnet7_mac": "junk", "vnet1_mac": "02ff60000001 02ff60000001"}`)
	start(t, load(t, h, "web")[0])
}

// TestTemplateBySet: Set stored template=yes and left the root writable, which SetTemplate
// does not.
func TestTemplateBySet(t *testing.T) {
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	readonly := func() string {
		d, err := h.Store.Get(t.Context(), j.RootDataset(), zfsstore.GetOptions{Properties: []string{"readonly"}})
		require.NoError(t, err)
		return d.Properties["readonly"].Value
	}
	set := func(value string) error {
		_, err := j.Set(t.Context(), map[string]string{"template": value}, jail.SetOptions{})
		return err
	}
	start(t, j)
	require.ErrorIs(t, set("yes"), jail.ErrRunning)
	_, err := j.Stop(t.Context(), jail.StopOptions{})
	require.NoError(t, err)
	require.NoError(t, set("yes"))
	require.Equal(t, "on", readonly())
	require.NoError(t, set("no"))
	require.Equal(t, "off", readonly())

	other, err := jail.New(t.Context(), h.Host, jail.Spec{Name: "other", Properties: map[string]string{"template": "yes"}})
	require.NoError(t, err)
	before := world(t, h)
	_, err = other.Create(t.Context(), jail.CreateOptions{Release: testRelease})
	require.ErrorIs(t, err, config.ErrInvalidValue)
	requireSame(t, before, world(t, h))
}

// TestSetLeavesTheRestOfTheFile: a change of one key wrote a compact file anew, with
// blanks and lines that its tool had not written.
func TestSetLeavesTheRestOfTheFile(t *testing.T) {
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	for before, after := range map[string]string{
		`{"id":"web","release":"13.2-RELEASE","user":{"team":"a"},"boot":"no"}`:                                 `{"id":"web","release":"13.2-RELEASE","user":{"team":"b"},"boot":"no"}`,
		"{\r\n  \"id\": \"web\",\r\n  \"release\": \"13.2-RELEASE\",\r\n  \"user\": {\"team\": \"a\"}\r\n}\r\n": "{\r\n  \"id\": \"web\",\r\n  \"release\": \"13.2-RELEASE\",\r\n  \"user\": {\"team\": \"b\"}\r\n}\r\n",
		"{\n\t\"user\": {\"team\" :\"a\"},\n\t\"id\": \"web\", \"release\":\"13.2-RELEASE\"\n}\n":               "{\n\t\"user\": {\"team\" :\"b\"},\n\t\"id\": \"web\", \"release\":\"13.2-RELEASE\"\n}\n",
	} {
		writeConf(t, h, j.Dataset(), before)
		_, err := load(t, h, "web")[0].Set(t.Context(), map[string]string{"user.team": "b"}, jail.SetOptions{})
		require.NoError(t, err)
		require.Equal(t, after, confOf(t, j))
	}
}

// TestNewJailIsLibiocs: a key that only iocage knows made a new jail's file iocage's, with
// lists separated by blanks and limits of off.
func TestNewJailIsLibiocs(t *testing.T) {
	h := newHost(t)
	j := newJail(t, h, "app", false, map[string]string{"bpf": "1", "depends": "db,web", "vnet_interfaces": "em1,em2", "maxproc": "none"})
	text := confOf(t, j)
	require.Contains(t, text, `"depends": "db,web"`)
	require.Contains(t, text, `"vnet_interfaces": "em1,em2"`)
	require.NotContains(t, text, "maxproc")
}

// TestNoLimitOverDefaults: that a new jail, or one that is saved, is to have no limit was
// dropped, and that of the defaults file counted.
func TestNoLimitOverDefaults(t *testing.T) {
	h := newHost(t)
	require.NoError(t, os.WriteFile(filepath.Join(mountpoint(t, h, simhost.Dataset), "defaults.json"), []byte(`{"maxproc": "100"}`), 0o644))
	j := newJail(t, h, "web", false, map[string]string{"maxproc": "none"})
	require.Empty(t, load(t, h, "web")[0].Effective().Limits())
	other := newJail(t, h, "db", false, map[string]string{"maxproc": "5"})
	require.NoError(t, other.Config().Set("maxproc", "off"))
	require.NoError(t, other.Save(t.Context()))
	require.Empty(t, load(t, h, "db")[0].Effective().Limits())
	require.NotContains(t, confOf(t, other)+confOf(t, j), `"off"`)
}

// TestTemplateHasOneTruth: Save left the root of a new template writable, and Set left the
// type by which iocage goes.
func TestTemplateHasOneTruth(t *testing.T) {
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	require.NoError(t, j.Config().Set("template", "yes"))
	require.NoError(t, j.Save(t.Context()))
	d, err := h.Store.Get(t.Context(), j.RootDataset(), zfsstore.GetOptions{Properties: []string{"readonly"}})
	require.NoError(t, err)
	require.Equal(t, "on", d.Properties["readonly"].Value)

	writeConf(t, h, j.Dataset(), `{"CONFIG_VERSION": "29", "host_hostuuid": "web", "type": "template", "template": 1, "release": "13.2-RELEASE"}`)
	_, err = load(t, h, "web")[0].Set(t.Context(), map[string]string{"template": "no"}, jail.SetOptions{})
	require.NoError(t, err)
	require.NotContains(t, confOf(t, j), `"type": "template"`)
}

// TestSettingsThatCannotWork: each was taken without a word.
func TestSettingsThatCannotWork(t *testing.T) {
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	_, err := j.Set(t.Context(), map[string]string{"security.jail.param.devfs_ruleset": "0"}, jail.SetOptions{})
	require.ErrorIs(t, err, jail.ErrConfig)
	bare, err := jail.New(t.Context(), h.Host, jail.Spec{Name: "bare", Properties: map[string]string{"devfs_ruleset": "none"}})
	require.NoError(t, err)
	_, err = bare.Create(t.Context(), jail.CreateOptions{Release: testRelease})
	require.ErrorIs(t, err, jail.ErrConfig)

	writeConf(t, h, j.Dataset(), `{"id": "web", "release": "13.2-RELEASE", "vnet": "yes", "vnet_default_mtu": "banana"}`)
	_, err = load(t, h, "web")[0].Start(t.Context(), jail.StartOptions{})
	require.ErrorContains(t, err, "banana")

	writeConf(t, h, j.Dataset(), `{"CONFIG_VERSION": "29", "host_hostuuid": "web", "release": "13.2-RELEASE", "maxproc": "5"}`)
	_, err = load(t, h, "web")[0].Set(t.Context(), map[string]string{"rlimits": "no"}, jail.SetOptions{})
	require.ErrorIs(t, err, config.ErrInvalidValue)
}

// TestParameterThatTheKernelKeeps: Set told that taking a parameter away was live, and the
// kernel kept it.
func TestParameterThatTheKernelKeeps(t *testing.T) {
	h, err := simhost.Open(simhost.Options{Dir: memoryDir(t), Kernel: func(o *simkernel.Options) { o.Modules = []string{"linux"} }})
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	fetch(t, h)
	j := newJail(t, h, "web", false, map[string]string{"linux.osname": "Foo"})
	start(t, j)
	_, err = j.Set(t.Context(), map[string]string{"linux.osname": ""}, jail.SetOptions{LiveOnly: true})
	var later *jail.RestartRequiredError
	require.ErrorAs(t, err, &later)
}

// TestDisabledNeedsNoModule: linux=disable loaded the module of the Linux environment.
func TestDisabledNeedsNoModule(t *testing.T) {
	h := newHost(t)
	j := newJail(t, h, "web", false, map[string]string{"linux": "disable"})
	p, err := j.Generator().Start(jail.StartOptions{}).Plan(t.Context())
	require.NoError(t, err)
	require.NotContains(t, p.String(), "load module")
}
