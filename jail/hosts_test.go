package jail_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/zfsstore"
)

// conf is a configuration as libioc writes it.
func conf(i int) string {
	return fmt.Sprintf(`{
    "id": "jail%05d",
    "release": "13.2-RELEASE",
    "hostid": "a1b2c3d4-0000-11ee-8000-58169200aa00",
    "host_hostuuid": "a1b2c3d4-0000-11ee-8000-%012d",
    "host_hostname": "jail%d.example.org",
    "basejail": "yes",
    "boot": "yes",
    "priority": "%d",
    "ip4_addr": "em0|192.0.2.%d/24",
    "defaultrouter": "192.0.2.1",
    "resolver": "/etc/resolv.conf",
    "tags": "web,front",
    "user": {"tier": "t%d", "owner": "ops"}
}`, i, i, i, i%7, i%250+1, i%10)
}

// manyJails is a host with n jails, every second one running.
func manyJails(t testing.TB, n int) *simhost.Host {
	t.Helper()
	h := openHost(t, simhost.Options{})
	ctx := context.Background()
	for i := range n {
		dataset := fmt.Sprintf("%s/jails/jail%05d", simhost.Dataset, i)
		require.NoError(t, h.ZFS.Create(ctx, dataset, zfsstore.CreateOptions{Parents: true}))
		if i == 0 {
			continue
		}
	}
	base := mountpoint(t, h, simhost.Dataset+"/jails")
	for i := range n {
		require.NoError(t, os.WriteFile(filepath.Join(base, fmt.Sprintf("jail%05d", i), "config.json"), []byte(conf(i)), 0o644))
		if i%2 == 0 {
			up(t, h, fmt.Sprintf("ioc-jail%05d", i))
		}
	}
	return h
}

// storeCalls counts what a Store is asked: with zfs(8) each is a process.
type storeCalls struct {
	zfsstore.Store
	calls []string
}

func (s *storeCalls) List(ctx context.Context, root string, o zfsstore.ListOptions) ([]zfsstore.Dataset, error) {
	s.calls = append(s.calls, "list "+root+" "+strings.Join(o.Properties, ","))
	return s.Store.List(ctx, root, o)
}

func (s *storeCalls) Get(ctx context.Context, name string, o zfsstore.GetOptions) (zfsstore.Dataset, error) {
	s.calls = append(s.calls, "get "+name)
	return s.Store.Get(ctx, name, o)
}

func (s *storeCalls) Pools(ctx context.Context) ([]zfsstore.Pool, error) {
	s.calls = append(s.calls, "pools")
	return s.Store.Pools(ctx)
}

// counted is the same host, its calls of ZFS counted.
func counted(t testing.TB, h *simhost.Host, sources ...host.Source) (*host.Host, *storeCalls) {
	t.Helper()
	if len(sources) == 0 {
		sources = []host.Source{{Name: "ioc", Dataset: simhost.Dataset}}
	}
	s := &storeCalls{Store: h.ZFS}
	again, err := host.New(s, h.Sim, host.Options{Sources: sources, Files: h.Files()})
	require.NoError(t, err)
	return again, s
}
