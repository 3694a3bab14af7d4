package step

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// TestGuard: the directories on the way to a source that are guarded are those that jails
// can write to, or that releases are in.
func TestGuard(t *testing.T) {
	h := newHost(t)
	ctx := t.Context()
	makes(t, h, "zroot/jailed")
	runs(t, h, "other", "zroot/jailed")
	_, err := h.Sim.JailSet(ctx, kernel.JailCreate, kernel.String("name", "host"), kernel.String("path", "/"), kernel.Bool("persist", true))
	require.NoError(t, err)
	jailed := mountedAt(t, h, "zroot/jailed")
	mounts := host.MountTable{
		{Type: "zfs", From: "zroot/iocage/jails/web", Path: "/iocage/jails/web"},
		{Type: "zfs", From: "zroot/iocage/jails/web/root", Path: "/iocage/jails/web/root"},
		{Type: "zfs", From: "zroot/iocage/releases", Path: "/iocage/releases"},
		{Type: "zfs", From: "zroot/iocage/releases/13.2-RELEASE", Path: "/iocage/releases/13.2-RELEASE"},
		{Type: "zfs", From: "zroot/home", Path: "/home"},
		{Type: "nfs", From: "zroot/iocage/jails/web/nfs", Path: "/nfs"},
		{Type: "nullfs", From: "/iocage/jails/web/root/srv", Path: "/shown"},
		{Type: "nullfs", From: "/home/srv", Path: "/srv"},
		{Type: "unionfs", From: "/iocage/jails/web/root", Path: "/union"},
	}
	g, err := newGuard(ctx, h.Host, mounts)
	require.NoError(t, err)
	everything := []string{"/iocage/jails/web/root", "/iocage/releases/13.2-RELEASE", "/shown", jailed}
	for _, c := range []struct {
		source string
		want   []string
	}{
		{"tmpfs", nil},
		{"/iocage/jails/web/root/srv", []string{"/iocage/jails/web/root"}},
		{"/iocage/releases/13.2-RELEASE", []string{"/iocage/releases/13.2-RELEASE"}},
		{"/iocage/jails/web/root/../root/srv", everything},
		{"/home/data", everything},
		{"/iocage/jails/web/config.json", everything},
	} {
		got, err := g.of(ctx, c.source)
		require.NoError(t, err)
		require.ElementsMatch(t, c.want, got, c.source)
	}

	// The jails are listed once.
	kernelFails(t, h, simkernel.OpJailGet)
	got, err := g.of(ctx, "/home/data")
	require.NoError(t, err)
	require.ElementsMatch(t, everything, got)
	g, err = newGuard(ctx, h.Host, mounts)
	require.NoError(t, err)
	_, err = g.of(ctx, "/home/data")
	require.ErrorIs(t, err, errProbe)
}
