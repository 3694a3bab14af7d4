package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

// TestDestroyWhileSent: a destroy that was refused because a snapshot was being sent had
// destroyed the jail's root by then.
func TestDestroyWhileSent(t *testing.T) {
	h := newHost(t)
	web := newJail(t, h, "web", false, nil)
	require.NoError(t, os.WriteFile(filepath.Join(web.Path(), "big"), make([]byte, 4<<20), 0o644))
	require.NoError(t, h.Store.Snapshot(t.Context(), web.Dataset()+"@backup", zfsstore.SnapshotOptions{}))
	before := world(t, h)
	stream, err := h.Store.Send(t.Context(), web.Dataset()+"@backup", zfsstore.SendOptions{})
	require.NoError(t, err)
	_, err = web.Destroy(t.Context(), jail.DestroyOptions{})
	require.ErrorIs(t, err, zfsstore.ErrBusy)
	require.NoError(t, stream.Close())
	requireSame(t, before, world(t, h))
}

// slowDestroy refuses a destroy when the operation's time is over: zfs(8) runs to its
// own end.
type slowDestroy struct{ zfsstore.Store }

func (s slowDestroy) Destroy(ctx context.Context, name string, _ zfsstore.DestroyOptions) error {
	time.Sleep(500 * time.Millisecond)
	return &zfsstore.Error{Op: "destroy", Dataset: name, Err: zfsstore.ErrBusy}
}

// TestRefusedDestroyMountsAgain: a jail whose destroy was refused after the operation's
// time stayed unmounted.
func TestRefusedDestroyMountsAgain(t *testing.T) {
	h := newHost(t)
	newJail(t, h, "web", false, nil)
	before := world(t, h)
	short, err := host.New(slowDestroy{h.Store}, h.Kernel, host.Options{
		Sources: []host.Source{{Name: "ioc", Dataset: simhost.Dataset}},
		RunDir:  t.TempDir(), StateDir: t.TempDir(), Settle: 100 * time.Millisecond,
	})
	require.NoError(t, err)
	web, err := jail.Load(t.Context(), short, "web")
	require.NoError(t, err)
	_, err = web.Destroy(t.Context(), jail.DestroyOptions{})
	require.ErrorIs(t, err, zfsstore.ErrBusy)
	requireSame(t, before, world(t, h))
}
