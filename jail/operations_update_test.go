package jail_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
)

// updateOperations are the operations that change a jail's userland.
func updateOperations() []operationRow {
	to := jail.UpgradeOptions{Release: "14.3-RELEASE"}
	var rows []operationRow
	add := func(name string, setup func(t *testing.T) *simhost.Host, ready readier, p planner, run performer) {
		rows = append(rows, operationRow{name: name, setup: setup, ready: ready, plan: p, run: run})
	}
	p, run := on("web", jail.UpdateOptions{}, (*jail.JailGenerator).Update)
	add("update", updatableHost, renewed(false), p, run)
	p, run = on("web", to, (*jail.JailGenerator).Upgrade)
	add("upgrade", updatableHost, renewed(false), p, run)
	add("upgrade, basejail", updatableHost, renewed(true), p, run)
	p, run = on("web", jail.RevertOptions{}, (*jail.JailGenerator).RevertUpgrade)
	add("revert upgrade", updatableHost, func(t *testing.T, ctx context.Context, h *simhost.Host) {
		renewed(false)(t, ctx, h)
		j, err := jail.Load(ctx, h.Host, "web")
		require.NoError(t, err)
		_, err = j.Upgrade(ctx, to)
		require.NoError(t, err)
	}, p, run)
	return rows
}

// updatableHost has the releases 13.2 and 14.3, an updater that knows a newer
// patch level, and a clock that stands, so that names made of the time are the
// same each time.
func updatableHost(t *testing.T) *simhost.Host {
	u := &updater{Newest: "13.2-RELEASE-p4"}
	return updateHost(t, u, func(o *simhost.Options) {
		o.Clock = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	})
}

// renewed makes the jail web anew.
func renewed(basejail bool) readier {
	return func(t *testing.T, ctx context.Context, h *simhost.Host) {
		j, err := jail.Load(ctx, h.Host, "web")
		if err == nil {
			_, err = j.Destroy(ctx, jail.DestroyOptions{})
		}
		if !errors.Is(err, jail.ErrNotFound) {
			require.NoError(t, err)
		}
		newJail(t, h, "web", basejail, nil)
	}
}

// announcedByUpdater judges what the updater's step changes: its clone, its
// jail, and nothing else.
func announcedByUpdater(change string, s plan.Step) error {
	words := strings.Fields(change)
	switch words[0] {
	case "zfs":
		last := words[len(words)-1]
		if i := slices.Index(words, "-"); words[2] == "program" && i > 0 { // zfs program POOL - DATASET guid=N recursive
			last = words[i+1]
		}
		if !strings.HasSuffix(last, "/updater") {
			return fmt.Errorf("step %q changes %s: %s", s.Kind, last, change)
		}
	case "jail_set":
		if !strings.Contains(change, `name="_update-ioc-jails-web"`) && !strings.Contains(change, "name=_update-ioc-jails-web") {
			return fmt.Errorf("step %q makes another jail: %s", s.Kind, change)
		}
	case "nmount", "unmount", "run", "jail_remove", "process_signal", "process_wait":
		if words[0] == "nmount" && !strings.Contains(words[3], "/updater/") {
			return fmt.Errorf("step %q mounts elsewhere: %s", s.Kind, change)
		}
	default:
		return fmt.Errorf("step %q: %s", s.Kind, change)
	}
	return nil
}
