package jail_test

import (
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// TestOneKernelNameTwoJails: a program that has the source a-b took the running jail b-c of
// another program's source a for its own jail c, and stopping one stopped the other. The
// path of what runs says whose it is.
func TestOneKernelNameTwoJails(t *testing.T) {
	ctx := t.Context()
	one := jailtest.OpenHost(t, simhost.Options{Sources: []host.Source{{Name: "a", Dataset: "zroot/one"}}})
	dir := jailtest.MemoryDir(t)
	two, err := host.New(one.ZFS, one.Sim, host.Options{
		Sources: []host.Source{{Name: "a-b", Dataset: "zroot/two"}}, Files: one.Files(),
		RunDir: filepath.Join(dir, "run"), StateDir: filepath.Join(dir, "db"),
	})
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	jailtest.Put(t, one, "zroot/one/jails/b-c", jailtest.Plain(nil))
	jailtest.Put(t, one, "zroot/two/jails/c", jailtest.Plain(map[string]string{key.UserHealth.String(): "tcp=" + strconv.Itoa(port)}))
	theirs, ours := loadFrom(t, one.Host, "b-c"), loadFrom(t, two, "c")
	require.Equal(t, theirs.Identifier(), ours.Identifier())
	start(t, theirs)
	id, err := theirs.Identity(ctx)
	require.NoError(t, err)
	// Something answers where the running jail has its address.
	_, err = one.Kernel.JailSet(ctx, kernel.JailUpdate, kernel.String("name", id.Name), kernel.Addrs("ip4.addr", netip.MustParseAddr("127.0.0.1")))
	require.NoError(t, err)
	before := used(t, one, id.Name)

	for _, test := range []struct {
		name string
		run  func(j *jail.Jail) error
	}{
		{"identity", func(j *jail.Jail) error { _, err := j.Identity(ctx); return err }},
		{"stop", func(j *jail.Jail) error { _, err := j.Stop(ctx, jail.StopOptions{}); return err }},
		{"stop by force", func(j *jail.Jail) error { _, err := j.Stop(ctx, jail.StopOptions{Force: true}); return err }},
		{"restart", func(j *jail.Jail) error { _, err := j.Restart(ctx, jail.RestartOptions{}); return err }},
		{"restart by force", func(j *jail.Jail) error {
			_, err := j.Restart(ctx, jail.RestartOptions{Shutdown: true, Force: true})
			return err
		}},
		{"destroy by force", func(j *jail.Jail) error { _, err := j.Destroy(ctx, jail.DestroyOptions{Force: true}); return err }},
		{"exec", func(j *jail.Jail) error { _, err := j.Exec(ctx, []string{"true"}, jail.ExecOptions{}); return err }},
		{"ended", func(j *jail.Jail) error { _, err := j.Ended(ctx); return err }},
		{"start", func(j *jail.Jail) error { _, err := j.Start(ctx, jail.StartOptions{}); return err }},
		{"set", func(j *jail.Jail) error {
			_, err := j.Set(ctx, map[string]string{"allow_raw_sockets": "yes"}, jail.SetOptions{})
			return err
		}},
		{"sync", func(j *jail.Jail) error { _, err := j.Sync(ctx, jail.SyncOptions{}); return err }},
		{"probe", func(j *jail.Jail) error { return j.Healthy(ctx) }},
	} {
		require.ErrorIs(t, test.run(loadFrom(t, two, "c")), jail.ErrForeign, test.name)
		require.Equal(t, before, used(t, one, id.Name), test.name)
	}

	require.False(t, loadFrom(t, two, "c").Status().Running)
	running, err := loadFrom(t, two, "c").Running(ctx)
	require.NoError(t, err)
	require.False(t, running)
	foreign := map[string]bool{}
	for j, err := range jail.List(ctx, two) {
		require.NoError(t, err)
		foreign[j.Name()] = j.Foreign()
		require.Equal(t, j.Foreign(), j.Status().Running, j.Name())
	}
	require.Equal(t, map[string]bool{"c": false, "a-b-c": true}, foreign)
	_, err = theirs.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	start(t, loadFrom(t, two, "c"))
}
