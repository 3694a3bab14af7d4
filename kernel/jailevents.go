package kernel

import (
	"bytes"
	"context"
	"iter"
	"slices"
)

// JailEventKind is what happened to a jail.
type JailEventKind uint8

// The kinds of JailEvent.
const (
	JailThere   JailEventKind = iota + 1 // it was there when the watch began
	JailMade                             // it is new
	JailChanged                          // one or more of its parameters changed
	JailRemoved                          // it has ended, or is dying
)

func (k JailEventKind) String() string {
	switch k {
	case JailThere:
		return "there"
	case JailMade:
		return "made"
	case JailChanged:
		return "changed"
	case JailRemoved:
		return "removed"
	}
	return "invalid"
}

// JailEvent is one change of one jail.
type JailEvent struct {
	Kind JailEventKind
	ID   Identity
}

func (e JailEvent) String() string { return e.ID.String() + " " + e.Kind.String() }

// jailWaiter waits until the jails may have changed.
type jailWaiter interface {
	// arm is given the jails of the last look and takes care that a change
	// from now on ends wait. again asks for another look before waiting,
	// because something may have changed before it was watched.
	arm(seen []Identity) (again bool, err error)
	wait(ctx context.Context) error
	close()
}

// volatileParams change without anybody setting them.
var volatileParams = []string{"dying", "children.cur", "lastjid", "parent"}

// watchJails looks at all jails, tells the difference to the look before, and
// waits. What happens is judged by looks alone, whoever wakes it, so that the
// last word is right on every release.
func watchJails(ctx context.Context, k Jails, open func() (jailWaiter, error)) iter.Seq2[JailEvent, error] {
	return func(yield func(JailEvent, error) bool) {
		fail := func(err error) { yield(JailEvent{}, err) }
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
		defer w.close()
		if _, err := w.arm(nil); err != nil {
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
			seen := make([]Identity, len(now))
			for i := range now {
				seen[i] = now[i].id
			}
			again, err := w.arm(seen)
			if err == nil && !again {
				err = w.wait(ctx)
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
	id     Identity
	values []byte
}

func lookAtJails(ctx context.Context, k Jails, names []string) ([]jailLook, error) {
	var all []jailLook
	for p, err := range k.JailList(ctx, 0, names...) {
		if err != nil {
			return nil, err
		}
		l := jailLook{id: Identity{JID: p.Int("jid"), Name: p.String("name"), Incarnation: uint64(uint32(p.Int("cpuset.id")))}}
		for _, v := range p {
			l.values = append(append(append(l.values, v.Name...), 0), v.Data...)
		}
		all = append(all, l)
	}
	return all, nil
}

// jailChanges compares two looks, both in order of jid. The end of a jail comes
// before the making of another.
func jailChanges(before, now []jailLook, first bool) []JailEvent {
	old := make(map[Identity][]byte, len(before))
	for _, l := range before {
		old[l.id] = l.values
	}
	var changes []JailEvent
	for _, l := range now {
		values, known := old[l.id]
		delete(old, l.id)
		switch {
		case first:
			changes = append(changes, JailEvent{JailThere, l.id})
		case !known:
			changes = append(changes, JailEvent{JailMade, l.id})
		case !bytes.Equal(values, l.values):
			changes = append(changes, JailEvent{JailChanged, l.id})
		}
	}
	var ended []JailEvent
	for _, l := range before {
		if _, left := old[l.id]; left {
			ended = append(ended, JailEvent{JailRemoved, l.id})
		}
	}
	return append(ended, changes...)
}
