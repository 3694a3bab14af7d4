package jail_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
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
		`{"id":"web","release":"13.2-RELEASE","user":{"team":"a"},"boot":"no"}`:                   `{"id":"web","release":"13.2-RELEASE","user":{"team":"b"},"boot":"no"}`,
		"{\n\t\"user\": {\"team\" :\"a\"},\n\t\"id\": \"web\", \"release\":\"13.2-RELEASE\"\n}\n": "{\n\t\"user\": {\"team\" :\"b\"},\n\t\"id\": \"web\", \"release\":\"13.2-RELEASE\"\n}\n",
	} {
		writeConf(t, h, j.Dataset(), before)
		_, err := load(t, h, "web")[0].Set(t.Context(), map[string]string{"user.team": "b"}, jail.SetOptions{})
		require.NoError(t, err)
		require.Equal(t, after, confOf(t, j))
	}
}
