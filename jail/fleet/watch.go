package fleet

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/kernel"
)

// ChangeKind is what happened to a jail.
type ChangeKind uint8

// The kinds of Change.
const (
	// ChangeThere: of the snapshot at the beginning; the jail is there, and runs
	// if Identity is not zero.
	ChangeThere ChangeKind = iota + 1
	// ChangeSnapshot ends the snapshot. It names no jail.
	ChangeSnapshot
	// ChangeCreated: the jail's dataset is there now, or was mounted.
	ChangeCreated
	// ChangeDestroyed: its dataset is gone, or was unmounted.
	ChangeDestroyed
	// ChangeStarted: it runs now, as Identity.
	ChangeStarted
	// ChangeStopped: what ran as Identity has ended, or is dying.
	ChangeStopped
	// ChangeDied: it is there as Identity, and the last of its processes has
	// ended. Only told if WatchOptions.Processes asks for it.
	ChangeDied
	// ChangeConfig: its configuration or fstab(5) was written, or the defaults of
	// its source; perhaps with the text that they had before.
	ChangeConfig
	// ChangeParams: a parameter of the running jail was changed, jail_set(2). Only
	// told if WatchOptions.Params asks for it.
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
	// Jail is its full name; of a foreign jail that in the kernel.
	Jail     string
	Foreign  bool
	Identity kernel.Identity
	// Merged counts the earlier changes of this jail that were not told on their
	// own, because the reader was slow: changes of the same kind, or whole lives
	// that began and ended meanwhile.
	Merged int
}

// WatchOptions say what is told.
type WatchOptions struct {
	// Interval is the time between two looks at the configurations and, on
	// FreeBSD 13 and 14, at the jails; default 1 s. FreeBSD 15 tells of jails by
	// itself, EVFILT_JAIL of kqueue(2).
	Interval time.Duration
	// Params tells of changed parameters of running jails too. A start is told
	// when the parameters it began with have been read, on FreeBSD 13 and 14 up to
	// a second later; there a jail that ended sooner is not told of.
	Params bool
	// Processes tells when the last process of a jail ends that goes on to be
	// there, as all jails of this library do (persist). It costs one reading of
	// the process table for each running jail at each interval.
	Processes bool
}

// Watch tells what happens to jails on this host, whoever causes it: first the
// snapshot, one ChangeThere for each jail and then ChangeSnapshot, then every
// change from that moment on. It ends with the context's error, or one that
// keeps it from looking, as the last pair.
//
// It looks at the kernel, the mount table and the files, and tells the
// difference to the look before; what happens between two looks is one change.
// A jail that was stopped and started between two looks is told as stopped and
// started, because it is another Identity. The reader may take its time: what
// happens meanwhile waits, the changes of one jail in their order. Changes of
// the configuration are merged into one; of more than eight lives of one jail
// the middle ones are merged, with a mark. The state that the changes lead to is
// always the true one. A dataset that was unmounted and mounted again between two
// looks has not changed, so who does not find the files of a jail that is there
// tries again. Configurations in ZFS properties (iocage_legacy 1.7) are not
// watched.
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
		running.Go(func() { q.fail(w.run(ctx)) })
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
