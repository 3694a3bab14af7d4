package fleet

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/catch"
	"github.com/libioc/go-libioc/kernel"
)

// ChangeKind is a kind of Change.
type ChangeKind uint8

// The kinds of Change.
const (
	// ChangeThere: the jail exists at the beginning, and runs if Identity is not
	// zero.
	ChangeThere ChangeKind = iota + 1
	// ChangeSnapshot ends the snapshot of the beginning. It names no jail.
	ChangeSnapshot
	// ChangeCreated: the jail's dataset was created or mounted.
	ChangeCreated
	// ChangeDestroyed: its dataset was destroyed or unmounted.
	ChangeDestroyed
	// ChangeStarted: it now runs, as Identity.
	ChangeStarted
	// ChangeStopped: what ran as Identity has ended, or is dying.
	ChangeStopped
	// ChangeDied: it still exists as Identity, but its last process has ended.
	// Reported only with WatchOptions.Processes.
	ChangeDied
	// ChangeConfig: its configuration, its fstab(5) or the defaults of its source
	// were written, perhaps with the same text as before.
	ChangeConfig
	// ChangeParams: a parameter of the running jail was changed, see jail_set(2).
	// Reported only with WatchOptions.Params.
	ChangeParams
)

func (k ChangeKind) String() string {
	names := [...]string{"invalid", "there", "snapshot", "created", "destroyed", "started", "stopped", "died", "config", "params"}
	if int(k) < len(names) {
		return names[k]
	}
	return names[0]
}

// Change is one change of one jail.
type Change struct {
	Kind ChangeKind
	// Jail is the jail's full name; for a foreign jail, its name in the kernel.
	Jail     string
	Foreign  bool
	Identity kernel.Identity
	// Merged counts the earlier changes of this jail that were not reported on
	// their own because the reader was slow: changes of the same kind, or whole
	// lives that began and ended in the meantime.
	Merged int
}

// WatchOptions say what a watch reports.
type WatchOptions struct {
	// Interval is the time between two polls of the configurations and, on FreeBSD
	// 13 and 14, of the jails; default 1 s. FreeBSD 15 reports jails by itself, see
	// EVFILT_JAIL in kqueue(2).
	Interval time.Duration
	// Params also reports changed parameters of running jails. A start is then
	// reported when the parameters it began with have been read: on FreeBSD 13 and
	// 14 up to a second later, and not at all if the jail ended sooner.
	Params bool
	// Processes reports when the last process of a jail ends and the jail remains,
	// as all jails of this library do (persist). It costs one reading of the
	// process table at each interval.
	Processes bool
}

// Watch reports what happens to the jails of this host, whoever causes it: first a
// snapshot, which is one ChangeThere for each jail and then ChangeSnapshot, and
// from then on every change. The last pair has the context's error, or the one
// that prevents a poll.
//
// Watch polls the kernel, the mount table and the files, and reports the
// differences from the poll before: several writes of a file between two polls are
// one change. A jail that was stopped and started between two polls is reported as
// stopped and started, because its Identity is another one. Changes wait for a slow
// reader, those of one jail in their order. Changes of the configuration are merged
// into one; of more than eight lives of one jail the middle ones are merged, see
// Change.Merged. The changes always lead to the true state. A dataset that was
// unmounted and mounted again between two polls has not changed, so a reader that
// does not find the files of an existing jail tries again. Configurations in ZFS
// properties (iocage_legacy 1.7) are not watched.
//
// Ending the range ends the watch; nothing is left running.
func Watch(ctx context.Context, h *host.Host) iter.Seq2[Change, error] {
	return WatchOptions{}.Watch(ctx, h)
}

// Watch is [Watch] with options.
func (o WatchOptions) Watch(ctx context.Context, h *host.Host) iter.Seq2[Change, error] {
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	return func(yield func(Change, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		q := newChangeQueue()
		w := &watcher{host: h, o: o, q: q, jails: map[string]*watched{}, defaults: map[string]stamps{}, known: map[kernel.Identity]bool{}}
		var running sync.WaitGroup
		running.Go(func() { q.fail(catch.Panic(func() error { return w.run(ctx) })) })
		defer running.Wait()
		defer cancel()
		for {
			c, err := q.next()
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}
