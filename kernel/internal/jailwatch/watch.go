package jailwatch

import (
	"bytes"
	"context"
	"iter"
	"slices"

	"github.com/libioc/go-libioc/kernel"
)

// Waiter waits until the jails may have changed.
type Waiter interface {
	// Arm is given the jails of the last look and takes care that a change
	// from now on ends wait. again asks for another look before waiting,
	// because something may have changed before it was watched.
	Arm(seen []kernel.Identity) (again bool, err error)
	Wait(ctx context.Context) error
	Close()
}

// volatileParams change without anybody setting them.
var volatileParams = []string{"dying", "children.cur", "lastjid", "parent"}

// Watch looks at all jails, tells the difference to the look before, and
// waits. What happens is judged by looks alone, whoever wakes it, so that the
// last word is right on every release.
func Watch(ctx context.Context, k kernel.Jails, open func() (Waiter, error)) iter.Seq2[kernel.JailEvent, error] {
	return func(yield func(kernel.JailEvent, error) bool) {
		fail := func(err error) { yield(kernel.JailEvent{}, err) }
		infos, err := k.JailParams(ctx)
		if err != nil {
			fail(err)
			return
		}
		names := []string{"jid", "name", "cpuset.id"}
		for _, i := range infos {
			if !slices.Contains(volatileParams, i.Name) && !slices.Contains(names, i.Name) {
				names = append(names, i.Name)
			}
		}
		w, err := open()
		if err != nil {
			fail(err)
			return
		}
		defer w.Close()
		if _, err := w.Arm(nil); err != nil {
			fail(err)
			return
		}
		var before []jailLook
		first := true
		for {
			now, err := lookAtJails(ctx, k, names)
			if err != nil {
				fail(err)
				return
			}
			for _, e := range jailChanges(before, now, first) {
				if !yield(e, nil) {
					return
				}
			}
			before, first = now, false
			seen := make([]kernel.Identity, len(now))
			for i := range now {
				seen[i] = now[i].id
			}
			again, err := w.Arm(seen)
			if err == nil && !again {
				err = w.Wait(ctx)
			}
			if err != nil {
				fail(err)
				return
			}
		}
	}
}

// jailLook is one jail as a look found it.
type jailLook struct {
	id     kernel.Identity
	values []byte
}

func lookAtJails(ctx context.Context, k kernel.Jails, names []string) ([]jailLook, error) {
	var all []jailLook
	for p, err := range k.JailList(ctx, 0, names...) {
		if err != nil {
			return nil, err
		}
		l := jailLook{id: kernel.Identity{JID: p.Int("jid"), Name: p.String("name"), Incarnation: uint64(uint32(p.Int("cpuset.id")))}}
		for _, v := range p {
			l.values = append(append(append(l.values, v.Name...), 0), v.Data...)
		}
		all = append(all, l)
	}
	return all, nil
}

// jailChanges compares two looks, both in order of jid. The end of a jail comes
// before the making of another.
func jailChanges(before, now []jailLook, first bool) []kernel.JailEvent {
	old := make(map[kernel.Identity][]byte, len(before))
	for _, l := range before {
		old[l.id] = l.values
	}
	var changes []kernel.JailEvent
	for _, l := range now {
		values, known := old[l.id]
		delete(old, l.id)
		switch {
		case first:
			changes = append(changes, kernel.JailEvent{Kind: kernel.JailThere, ID: l.id})
		case !known:
			changes = append(changes, kernel.JailEvent{Kind: kernel.JailMade, ID: l.id})
		case !bytes.Equal(values, l.values):
			changes = append(changes, kernel.JailEvent{Kind: kernel.JailChanged, ID: l.id})
		}
	}
	var ended []kernel.JailEvent
	for _, l := range before {
		if _, left := old[l.id]; left {
			ended = append(ended, kernel.JailEvent{Kind: kernel.JailRemoved, ID: l.id})
		}
	}
	return append(ended, changes...)
}
