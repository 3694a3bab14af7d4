package step_test

import (
	"testing"
	"time"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/zfsstore"
)

// updateScenarios are about changes of a jail's userland.
func updateScenarios() []scenario {
	update := func(o jail.UpdateOptions) act {
		return onJail("update web", "web", func(g *jail.JailGenerator) *jail.Operation { return g.Update(o) })
	}
	upgrade := onJail("upgrade web", "web", func(g *jail.JailGenerator) *jail.Operation {
		return g.Upgrade(jail.UpgradeOptions{Release: "14.3-RELEASE"})
	})
	revert := onJail("revert web", "web", func(g *jail.JailGenerator) *jail.Operation {
		return g.RevertUpgrade(jail.RevertOptions{})
	})
	const saved = rootOfWeb + "@update-20260102T030405.000Z"
	return []scenario{
		{"update", updateHost("13.2-RELEASE-p4", false), []act{
			create("web", jail.CreateOptions{}, plain()), update(jail.UpdateOptions{}), update(jail.UpdateOptions{KeepSnapshot: true}),
		}},
		{"update fails", updateHost("13.2-RELEASE-p4", true), []act{
			create("web", jail.CreateOptions{}, plain()), refused(update(jail.UpdateOptions{}), release.ErrUpdate),
			start("web"), refused(update(jail.UpdateOptions{}), jail.ErrRunning), refused(update(jail.UpdateOptions{Running: true}), release.ErrUpdate),
		}},
		{"update is interrupted", updateHost("13.2-RELEASE-p4", false), []act{
			create("web", jail.CreateOptions{}, plain()), crashed(update(jail.UpdateOptions{}), 1, "done"),
			byHand("zfs snapshot", snapshots(rootOfWeb+"@mine")), refused(recovered(), zfsstore.ErrNewerSnapshots),
			byHand("zfs destroy @mine", destroys(rootOfWeb+"@mine")), byHand("zfs destroy what was saved", destroys(saved)),
			crashed(update(jail.UpdateOptions{}), 0, "done"), write(rootOfWeb, "mine", "mine\n"), recovered(),
		}},
		{"upgrade", updateHost("", false), []act{
			create("web", jail.CreateOptions{}, plain()), upgrade, revert, refused(revert, jail.ErrNotUpgraded),
		}},
		{"upgrade of a basejail", updateHost("", false), []act{
			create("web", jail.CreateOptions{Basejail: true}, plain()), upgrade,
		}},
	}
}

// updateHost has an updater that knows a newest patch level, or fails half-way, and a clock
// that stands.
func updateHost(newest string, fail bool) func(t testing.TB) *simhost.Host {
	return func(t testing.TB) *simhost.Host {
		return jailtest.UpdateHost(t, &jailtest.Updater{Newest: newest, Fail: fail}, func(o *simhost.Options) {
			o.Clock = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
		})
	}
}
