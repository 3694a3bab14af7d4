package step_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/internal/saferoot"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

const shared = "zroot/shared"

// configScenarios are about configurations, resolv.conf and shared datasets.
func configScenarios() []scenario {
	web := jails + "/web"
	resolver := func(value string) act { return set("web", map[string]string{"resolver": value}) }
	save := act{name: "save web", op: func(ctx context.Context, h *simhost.Host) (*jail.Operation, error) {
		j, err := jail.Load(ctx, h.Host, "web")
		if err != nil {
			return nil, err
		}
		return j.Generator().Save(), j.Config().Set("user.team", "saved")
	}}
	change := map[string]string{"host_hostname": "new", "user.team": "www", "exec_poststop": ""}
	life := func(to act) []act {
		return []act{
			scratch("web", plain("host_hostname", "old", "user.team", "db", "exec_poststop", "true")), to, start("web"),
			set("web", change), save, stop("web"),
			onJail("rename web to shop", "web", func(g *jail.JailGenerator) *jail.Operation {
				return g.Rename(jail.RenameOptions{Name: "shop"})
			}),
		}
	}
	// It has no plan of its own: what it does is what its provisioner calls.
	provision := act{name: "provision web", other: func(ctx context.Context, h *simhost.Host) ([]events.IocEvent, error) {
		j, err := jail.Load(ctx, h.Host, "web")
		if err != nil {
			return nil, err
		}
		return j.Provision(ctx, jail.ProvisionOptions{Methods: map[string]jail.Provisioner{"set": setting{}}})
	}}
	return []scenario{
		{"properties", bareHost, life(byHand("to ZFS properties", func(t testing.TB, h *simhost.Host) {
			jailtest.ToProperties(t, h, jailtest.Load(t, h, "web")[0])
		}))},
		{"UCL", bareHost, life(byHand("to UCL", toUCL))},
		{"properties changed since", bareHost, []act{
			scratch("web", plain("user.team", "db")),
			byHand("to ZFS properties", func(t testing.TB, h *simhost.Host) {
				jailtest.ToProperties(t, h, jailtest.Load(t, h, "web")[0])
			}),
			crashed(set("web", change), 0, "done"), property(web, "org.freebsd.iocage:host_hostname", "mine"),
			refused(recovered(), jail.ErrChanged),
			crashed(save, 0, "done"), byHand("zfs destroy", destroys(web)), dataset(web, nil), recovered(),
		}},
		{"configuration changed since", bareHost, []act{
			scratch("web", plain("user.team", "db")), crashed(set("web", change), 0, "done"),
			write(web, "config.json", "{}"), refused(recovered(), jail.ErrChanged),
			crashed(set("web", change), 0, "done"), byHand("zfs destroy", destroys(web)), recovered(),
		}},
		{"provision", bareHost, []act{
			scratch("web", plain("provision.method", "set", "provision.source", "/nowhere")), provision,
		}},
		{"resolver", bareHost, []act{
			scratch("web", plain("resolver", "/etc/resolv.conf")), write(rootOfWeb, "etc/resolv.conf", "nameserver 192.0.2.1\n"),
			start("web"), stop("web"), start("web"), stop("web"),
			resolver("none"), start("web"), stop("web"),
			resolver("nameserver 192.0.2.7;search example.org"), start("web"), stop("web"),
			crashed(start("web"), 0, "do"), write(rootOfWeb, "etc/resolv.conf", "# mine\n"), recovered(),
			crashed(start("web"), 0, "done"), write(rootOfWeb, "etc/resolv.conf", "# mine\n"), recovered(),
		}},
		{"resolver is a link", bareHost, []act{
			scratch("web", plain("resolver", "/etc/resolv.conf")), write(rootOfWeb, "etc/mine", "# mine\n"),
			link(rootOfWeb, "etc/resolv.conf", "mine"), refused(start("web"), saferoot.ErrEscape),
			remove(rootOfWeb, "etc"), link(rootOfWeb, "etc", "/etc"), refused(start("web"), saferoot.ErrEscape),
			byHand("rm /etc/resolv.conf", func(t testing.TB, h *simhost.Host) { require.NoError(t, os.Remove(h.Files().ResolvConf)) }),
			start("web"),
		}},
		{"shared datasets", sharingHost, []act{
			dataset(shared, map[string]string{"jailed": "on"}), dataset(shared+"/below", nil),
			scratch("web", plain("jail_zfs", "yes", "jail_zfs_dataset", shared)),
			program("web", "broken"), refused(start("web"), errHook), remove(rootOfWeb, "broken"), once(start("web")), stop("web"), start("web"), stop("web"),
			start("web"), property(shared, "jailed", "off"), stop("web"), refused(start("web"), jail.ErrDatasetNotJailed),
			byHand("zfs destroy", destroys(shared)), refused(start("web"), jail.ErrDatasetNotAvailable),
		}},
	}
}

// setting is a provisioner that changes one property.
type setting struct{}

func (setting) Provision(ctx context.Context, j *jail.Jail, _ jail.ProvisionRequest) error {
	_, err := j.Set(ctx, map[string]string{"user.team": "provisioned"}, jail.SetOptions{})
	return err
}

// toUCL moves a configuration to where it was before config.json.
func toUCL(t testing.TB, h *simhost.Host) {
	j := jailtest.Load(t, h, "web")[0]
	own, _, err := j.Config().Convert(config.UCL)
	require.NoError(t, err)
	text, err := own.Encode()
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(j.Path(), config.JSONFile)))
	require.NoError(t, os.WriteFile(filepath.Join(j.Path(), config.UCLFile), append([]byte("# by hand\n"), text...), 0o600))
}

// property sets a property of a dataset.
func property(dataset, name, value string) act {
	return byHand("zfs set "+name+"="+value+" "+dataset, func(t testing.TB, h *simhost.Host) {
		require.NoError(t, h.ZFS.Set(t.Context(), dataset, map[string]string{name: value}))
	})
}

// link makes a symbolic link in a dataset.
func link(dataset, name, to string) act {
	return byHand("ln -sf "+to+" "+dataset+"/"+name, func(t testing.TB, h *simhost.Host) {
		path := filepath.Join(jailtest.Mountpoint(t, h, dataset), name)
		require.NoError(t, os.RemoveAll(path))
		require.NoError(t, os.Symlink(to, path))
	})
}

// sharingHost has a zfs(8) for jails, that has nothing to mount and fails where there is a
// file /broken.
func sharingHost(t testing.TB) *simhost.Host {
	return hostOf(simhost.Options{Programs: map[string]simkernel.Program{
		"zfs": func(_ context.Context, p *simkernel.Process) int {
			if _, err := p.ReadFile("/broken"); err == nil {
				return 1
			}
			return 0
		},
	}})(t)
}
