package jail_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

// zfsBaseHost has a basejail of type zfs with a single hook: the other steps are
// those of every start.
func zfsBaseHost(t *testing.T) *simhost.Host {
	t.Helper()
	h := newHost(t)
	newJail(t, h, "web", true, map[string]string{
		"basejail_type": "zfs", "exec_poststart": "true", "exec_start": "none", "exec_stop": "none",
	})
	fewBases(t, h)
	return h
}

// noBase takes the clones of the jail away, and the snapshot they are made from.
func noBase(t *testing.T, ctx context.Context, h *simhost.Host) {
	t.Helper()
	for _, name := range []string{"zroot/iocage/jails/web/basejail", baseOfRelease + "@ioc-base"} {
		if err := h.Store.Destroy(ctx, name, zfsstore.DestroyOptions{Recursive: true}); err != nil {
			require.ErrorIs(t, err, zfsstore.ErrNotFound)
		}
	}
}

// basejailOperations are those of basejails of type zfs, which have steps of
// their own.
func basejailOperations() []operationRow {
	type generator = jail.JailGenerator
	var rows []operationRow

	r := operationRow{name: "start, the first ZFS basejail", setup: zfsBaseHost, ready: both(stopped("web"), noBase), shared: baseOfRelease + "@ioc-base"}
	r.plan, r.run = on("web", jail.StartOptions{}, (*generator).Start)
	rows = append(rows, r)

	r = operationRow{name: "start, ZFS basejail", setup: zfsBaseHost, ready: stopped("web")}
	r.plan, r.run = on("web", jail.StartOptions{}, (*generator).Start)
	rows = append(rows, r)

	r = operationRow{name: "stop, ZFS basejail", setup: zfsBaseHost, ready: started("web")}
	r.plan, r.run = on("web", jail.StopOptions{}, (*generator).Stop)
	rows = append(rows, r)

	r = operationRow{name: "destroy by force, ZFS basejail", setup: zfsBaseHost}
	r.ready = func(t *testing.T, ctx context.Context, h *simhost.Host) {
		if _, err := jail.Load(ctx, h.Host, "second"); err != nil {
			require.ErrorIs(t, err, jail.ErrNotFound)
			newJail(t, h, "second", true, map[string]string{"basejail_type": "zfs", "exec_start": "none", "exec_stop": "none"})
		}
		started("second")(t, ctx, h)
	}
	r.plan, r.run = on("second", jail.DestroyOptions{Force: true}, (*generator).Destroy)
	rows = append(rows, r)

	r = operationRow{name: "destroy, the last ZFS basejail of a copy", setup: copiedBaseHost, ready: onFormerBase("second")}
	r.plan, r.run = on("second", jail.DestroyOptions{}, (*generator).Destroy)
	rows = append(rows, r)

	r = operationRow{name: "start, the last ZFS basejail of a copy", setup: copiedBaseHost, ready: onFormerBase("web"), shared: baseOfRelease + "@ioc-base"}
	r.plan, r.run = on("web", jail.StartOptions{}, (*generator).Start)
	return append(rows, r)
}

// copiedBaseHost is zfsBaseHost with a clock that stands, so that a base that is set aside
// has the same name each time.
func copiedBaseHost(t *testing.T) *simhost.Host {
	h, err := simhost.Open(simhost.Options{
		Dir: memoryDir(t), Clock: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) },
	})
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	fetch(t, h)
	newJail(t, h, "web", true, map[string]string{"basejail_type": "zfs", "exec_start": "none", "exec_stop": "none"})
	fewBases(t, h)
	return h
}

// onFormerBase brings the jail onto a base that was set aside since, and no other jail.
func onFormerBase(name string) readier {
	return func(t *testing.T, ctx context.Context, h *simhost.Host) {
		if _, err := jail.Load(ctx, h.Host, name); err != nil {
			require.ErrorIs(t, err, jail.ErrNotFound)
			newJail(t, h, name, true, map[string]string{"basejail_type": "zfs", "exec_start": "none", "exec_stop": "none"})
		}
		stopped(name)(t, ctx, h)
		drop := func(dataset string) {
			if err := h.Store.Destroy(ctx, dataset, zfsstore.DestroyOptions{Recursive: true}); err != nil {
				require.ErrorIs(t, err, zfsstore.ErrNotFound)
			}
		}
		drop("zroot/iocage/jails/" + name + "/basejail")
		drop("zroot/iocage/base/" + testRelease + "-20260102T030405.000Z")
		started(name)(t, ctx, h)
		stopped(name)(t, ctx, h)
		fewBases(t, h)
		drop(baseOfRelease + "@ioc-base")
	}
}
