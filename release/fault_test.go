package release_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/release/releasetest"
	"github.com/libioc/go-libioc/zfsstore"
)

var errInjected = errors.New("injected")

// operation is a line of the fault matrix. It can be run again and again: what
// it did is taken back by reset.
type operation struct {
	name    string
	fetched bool // before it
	before  func(t *testing.T, h *simhost.Host, rel *release.Release)
	host    func(t *testing.T) (*simhost.Host, *release.Release) // instead of the usual one
	steps   []string
	commit  int // steps that can be undone
	run     func(ctx context.Context, h *simhost.Host, rel *release.Release, mirror string) error
}

var operations = []operation{
	{
		name: "fetch",
		steps: []string{"download assets", "create dataset", "create dataset", "create dataset",
			"extract", "extract", "configure", "snapshot", "remove downloads"},
		commit: 8,
		run: func(ctx context.Context, _ *simhost.Host, rel *release.Release, mirror string) error {
			return events.Wait(context.Background(), rel.Fetch(ctx, release.FetchOptions{HTTP: plain, Mirror: mirror, Assets: []string{"base.tgz", "lib32"}}))
		},
	},
	{
		name: "fetch packages",
		host: func(t *testing.T) (*simhost.Host, *release.Release) {
			return packageHost(t, &pkg{version: "15.1-RELEASE-p1"})
		},
		steps:  []string{"create dataset", "create dataset", "create dataset", "install packages", "configure", "snapshot patch level"},
		commit: 6,
		run: func(ctx context.Context, _ *simhost.Host, rel *release.Release, _ string) error {
			o := release.FetchOptions{Packages: &release.PackageOptions{Keys: "none"}}
			return events.Wait(context.Background(), rel.Fetch(ctx, o))
		},
	},
	{
		name: "update", fetched: true,
		steps:  []string{"save root", "run updater", "snapshot patch level", "forget saved root"},
		commit: 3,
		run: func(ctx context.Context, h *simhost.Host, rel *release.Release, _ string) error {
			_, err := update(ctx, h, rel)
			return err
		},
	},
	{
		name: "copy base", fetched: true,
		steps:  append(slices.Repeat([]string{"create dataset"}, 14+4), "copy base"),
		commit: 19,
		run: func(ctx context.Context, _ *simhost.Host, rel *release.Release, _ string) error {
			return events.Wait(context.Background(), rel.CopyBase(ctx, release.CopyBaseOptions{}))
		},
	},
	{
		name: "copy base again", fetched: true,
		before: func(t *testing.T, h *simhost.Host, rel *release.Release) {
			ctx := context.Background()
			require.NoError(t, events.Wait(ctx, rel.CopyBase(ctx, release.CopyBaseOptions{})))
			// It tells the former ones from the new ones.
			require.NoError(t, h.Store.Snapshot(ctx, rel.BaseDataset()+"/root/bin@former", zfsstore.SnapshotOptions{}))
		},
		steps:  append(append([]string{"rename dataset"}, slices.Repeat([]string{"create dataset"}, 14+3)...), "copy base", "destroy former copy"),
		commit: 19,
		run: func(ctx context.Context, _ *simhost.Host, rel *release.Release, _ string) error {
			return events.Wait(context.Background(), rel.CopyBase(ctx, release.CopyBaseOptions{}))
		},
	},
	{
		name: "destroy", fetched: true,
		steps: []string{"destroy dataset"},
		run: func(ctx context.Context, _ *simhost.Host, rel *release.Release, _ string) error {
			return events.Wait(context.Background(), rel.Destroy(ctx, release.DestroyOptions{}))
		},
	},
}

// faultHost is a host for one case, and the mirror to fetch from.
func faultHost(t *testing.T, op operation) (*simhost.Host, *release.Release, string) {
	t.Helper()
	mirror := httptest.NewServer(releasetest.Mirror(name))
	t.Cleanup(mirror.Close)
	if op.host != nil {
		h, rel := op.host(t)
		return h, rel, mirror.URL
	}
	u := &updater{to: "13.2-RELEASE-p4"}
	if op.fetched {
		h, rel := updateHost(t, u)
		if op.before != nil {
			op.before(t, h, rel)
		}
		return h, rel, mirror.URL
	}
	h, rel := newHost(t)
	return h, rel, mirror.URL
}

// TestFaults goes through every step of every operation: it fails before and
// after its effect, the context ends, the process dies there with and without a
// reboot. Before the commit point all is as it was; after it the rest is done.
// The operation succeeds afterwards.
func TestFaults(t *testing.T) {
	for _, op := range operations {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			h, rel, mirror := faultHost(t, op)
			ctx := context.Background()
			before := world(t, h)
			again := func() {
				// What is done is in the way of doing it again.
				h.Close()
				h, rel, mirror = faultHost(t, op)
				before = world(t, h)
			}
			for step, kind := range op.steps {
				if step > 1 && step+2 < len(op.steps) && op.steps[step-1] == kind && op.steps[step+1] == kind {
					continue // one of many
				}
				for i, what := range []string{"do", "done", "cancel", "crash before", "crash after", "crash after, reboot"} {
					if testing.Short() && (step+i)%6 != 0 {
						continue
					}
					t.Run(fmt.Sprintf("%d %s/%s", step, kind, what), func(t *testing.T) {
						ctx, cancel := context.WithCancel(ctx)
						defer cancel()
						faulty := plan.WithFault(ctx, func(p plan.Point) error {
							if p.Index != step {
								return nil
							}
							assert.Equal(t, kind, p.Step.Kind)
							switch {
							case what == p.Phase:
								return errInjected
							case what == "cancel" && p.Phase == "do":
								cancel()
							case what == "crash before" && p.Phase == "do", what != "crash before" && what[:2] == "cr" && p.Phase == "done":
								return plan.ErrCrash
							}
							return nil
						})
						err := op.run(faulty, h, rel, mirror)
						crash := what[:2] == "cr"
						switch {
						case crash:
							require.ErrorIs(t, err, plan.ErrCrash)
							if what == "crash after, reboot" {
								require.NoError(t, h.Reboot())
							}
							_, err = release.Recover(context.Background(), h.Host, jail.NewRunner(h.Host))
							require.NoError(t, err)
						case what == "cancel" && err == nil:
							// The step did not see it any more, and nothing came
							// after it that could be left out.
							require.GreaterOrEqual(t, step, op.commit-1)
						case what == "cancel":
							require.ErrorIs(t, err, context.Canceled)
						default:
							require.ErrorIs(t, err, errInjected)
						}
						diff := differ(before, world(t, h))
						if step >= op.commit {
							if crash || what == "cancel" {
								require.NotEmpty(t, diff, "it was not finished")
							}
							again()
							return
						}
						if what == "cancel" && err == nil {
							again()
							return
						}
						require.Empty(t, diff)
					})
				}
			}
			require.NoError(t, op.run(ctx, h, rel, mirror))
		})
	}
}
