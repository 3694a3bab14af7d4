package hosttest

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// TestLost: whatever somebody else does to what is the hand's own is reported, and
// what the hand does itself is not.
func TestLost(t *testing.T) {
	const web, moved = simhost.Dataset + "/jails/web", simhost.Pool + "/byhand/web-2"
	for _, c := range []struct {
		name string
		do   func(ctx context.Context, m *Hand) error
		says string // "" for nothing lost
	}{
		{"nothing", func(context.Context, *Hand) error { return nil }, ""},
		{"destroyed", func(ctx context.Context, m *Hand) error {
			return m.host.Store.Destroy(ctx, web, zfsstore.DestroyOptions{Recursive: true})
		}, web + " (guid"},
		{"renamed", func(ctx context.Context, m *Hand) error {
			return m.host.Store.Rename(ctx, web, web+"2", zfsstore.RenameOptions{})
		}, "is called " + web + "2"},
		{"unmounted", func(ctx context.Context, m *Hand) error { return m.host.Store.Unmount(ctx, web, false) }, "is not mounted"},
		{"its configuration replaced", func(ctx context.Context, m *Hand) error {
			path, err := m.host.Mountpoint(ctx, web)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(path, "config.json"), []byte("{}"), 0o644)
		}, `config.json holds "{}"`},
		{"a dataset made below", func(ctx context.Context, m *Hand) error {
			return m.host.Store.Create(ctx, web+"/root", zfsstore.CreateOptions{})
		}, "has a file root"},
		{"its snapshot destroyed", func(ctx context.Context, m *Hand) error {
			if err := m.snapshot(ctx, "web", 0); err != nil {
				return err
			}
			return m.host.Store.Destroy(ctx, web+"@by-hand-0", zfsstore.DestroyOptions{})
		}, web + "@by-hand-0 (guid"},
		{"its jail removed", func(ctx context.Context, m *Hand) error {
			if err := m.createJail(ctx, "web", 0); err != nil {
				return err
			}
			return m.host.Kernel.JailRemove(ctx, m.Jails["web"])
		}, "is gone"},
		{"seen before the hand changed the rest", func(ctx context.Context, m *Hand) error {
			if err := m.host.Store.Unmount(ctx, web, false); err != nil {
				return err
			}
			return m.uproot(ctx, "web", 0)
		}, "is not mounted"},
		{"destroyed, after it was moved away", func(ctx context.Context, m *Hand) error {
			if err := m.moveAway(ctx, "web", 0); err != nil {
				return err
			}
			return m.host.Store.Destroy(ctx, moved, zfsstore.DestroyOptions{Recursive: true})
		}, moved + " (guid"},
		{"moved away by hand", func(ctx context.Context, m *Hand) error { return m.moveAway(ctx, "web", 0) }, ""},
		{"destroyed by hand", func(ctx context.Context, m *Hand) error { return m.uproot(ctx, "web", 0) }, ""},
		{"its jail removed by hand", func(ctx context.Context, m *Hand) error {
			if err := m.createJail(ctx, "web", 0); err != nil {
				return err
			}
			return m.removeOwnJail(ctx, "web", 0)
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := t.Context()
			h, err := simhost.New(t.TempDir())
			require.NoError(t, err)
			defer h.Close()
			require.NoError(t, h.Store.Create(ctx, simhost.Dataset+"/jails", zfsstore.CreateOptions{}))
			ledger := filepath.Join(t.TempDir(), "ledger")
			open := func() *Hand {
				m, err := NewHand(ctx, h.Host, host.Source{Name: "ioc", Dataset: simhost.Dataset}, simhost.Pool+"/byhand", ledger, "web")
				require.NoError(t, err)
				return m
			}
			m := open()
			require.NoError(t, m.plant(ctx, "web", 0))
			require.NoError(t, c.do(ctx, m))
			for _, m := range []*Hand{m, open()} { // the ledger outlives the process
				lost, err := m.Lost(ctx)
				require.NoError(t, err)
				if c.says == "" {
					require.Empty(t, lost)
					continue
				}
				require.NotEmpty(t, lost)
				require.Contains(t, lost[0], c.says)
			}
		})
	}
}

// TestHandKilled: an act that was cut off is settled by the next hand, whether it had
// its effect or not.
func TestHandKilled(t *testing.T) {
	ctx := t.Context()
	h, err := simhost.New(t.TempDir())
	require.NoError(t, err)
	defer h.Close()
	require.NoError(t, h.Store.Create(ctx, simhost.Dataset+"/jails", zfsstore.CreateOptions{}))
	source := host.Source{Name: "ioc", Dataset: simhost.Dataset}
	m, err := NewHand(ctx, h.Host, source, simhost.Pool+"/byhand", filepath.Join(t.TempDir(), "ledger"), "web", "db")
	require.NoError(t, err)
	require.NoError(t, m.plant(ctx, "web", 0))
	require.NoError(t, m.plant(ctx, "db", 0))
	require.NoError(t, m.createJail(ctx, "web", 0))
	for _, change := range []func() error{
		func() error { return nil },
		func() error {
			return h.Store.Rename(ctx, m.place("web"), m.away+"/web-9", zfsstore.RenameOptions{})
		},
		func() error {
			return h.Store.Destroy(ctx, m.place("db"), zfsstore.DestroyOptions{})
		},
	} {
		for guid, o := range m.Own { // as act does before a change
			if under(o.Name, m.place("web")) || under(o.Name, m.place("db")) {
				delete(m.Own, guid)
			}
		}
		m.Acting = m.place("web")
		clear(m.Jails) // it was made, and not entered yet
		require.NoError(t, m.save())
		require.NoError(t, change())
		m, err = NewHand(ctx, h.Host, source, m.away, m.path, m.names...)
		require.NoError(t, err)
		lost, err := m.Lost(ctx)
		require.NoError(t, err)
		require.Empty(t, lost)
		require.True(t, m.ForeignJail(m.Jails["web"]))
		require.NotEmpty(t, m.Holdings())
	}
	require.Equal(t, []string{m.away + "/web-9"}, m.Holdings())
	require.NoError(t, m.Leave(ctx))
	require.Empty(t, m.Holdings())
	_, err = h.Kernel.JailIdentify(ctx, 0, kernel.ByName("ioc-web"))
	require.ErrorIs(t, err, kernel.ErrNotFound)
}
