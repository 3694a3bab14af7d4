package kerneltest

import (
	"context"
	"errors"
	"iter"
	"strings"
	"syscall"
	"time"

	"github.com/libioc/go-libioc/kernel"
)

// jailOwned: Close ends the jail, more than once and after its end is no error.
func jailOwned(s *suite) {
	name, path, persist := kernel.String("name", "kerneltest"), kernel.String("path", s.mkdir("root")), kernel.Bool("persist", true)
	for _, removed := range []bool{false, true} {
		o, err := s.Kernel.JailSetOwned(s.ctx, name, path, persist)
		s.ok(err)
		s.Cleanup(func() { s.ok(o.Close()) })
		equal(s, "owned by a descriptor", o.ByDescriptor(), s.f.JailDesc)
		id, err := s.Kernel.JailIdentify(s.ctx, 0, kernel.ByName("kerneltest"))
		s.ok(err)
		equal(s, "identity", o.Identity(), id)
		if removed {
			s.ok(s.Kernel.JailRemove(s.ctx, id))
		}
		s.ok(o.Close())
		s.ok(o.Close())
		_, err = s.Kernel.JailIdentify(s.ctx, 0, kernel.ByName("kerneltest"))
		s.fails(err, kernel.ErrNotFound)
	}
	_, err := s.Kernel.JailSetOwned(s.ctx, name, path)
	s.refuses(err, syscall.EINVAL, "new jail must persist or attach")
	_, err = s.Kernel.JailSetOwned(s.ctx, name, persist)
	s.refuses(err, syscall.EINVAL, "")
	_, err = s.Kernel.JailIdentify(s.ctx, kernel.JailDying, kernel.ByName("kerneltest"))
	s.fails(err, kernel.ErrNotFound)
}

// jailEvents: what was there, then what is made, changed and removed.
func jailEvents(s *suite) {
	there := s.jail("kerneltest1")
	ctx, cancel := context.WithTimeout(s.ctx, 30*time.Second)
	defer cancel()
	next, stop := iter.Pull2(s.Kernel.JailEvents(ctx))
	defer stop()
	expect := func(kind kernel.JailEventKind, id kernel.Identity) {
		s.Helper()
		for {
			e, err, ok := next()
			if !ok {
				s.Fatal("the events have ended")
			}
			s.ok(err)
			if strings.HasPrefix(e.ID.Name, "kerneltest") { // others have jails too
				equal(s, "event", e, kernel.JailEvent{Kind: kind, ID: id})
				return
			}
		}
	}
	expect(kernel.JailThere, there)
	made := s.jail("kerneltest2", kernel.Int("children.max", 1))
	expect(kernel.JailMade, made)
	s.ok(s.set("kerneltest2", kernel.String("host.hostname", "changed")))
	expect(kernel.JailChanged, made)
	child := s.jail("kerneltest2.child")
	expect(kernel.JailMade, child)
	s.ok(s.Kernel.JailRemove(s.ctx, there))
	expect(kernel.JailRemoved, there)
	s.ok(s.Kernel.JailRemove(s.ctx, made))
	expect(kernel.JailRemoved, made)
	expect(kernel.JailRemoved, child)
}

func jailEventsEnd(s *suite) {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	time.AfterFunc(50*time.Millisecond, cancel)
	var last error
	for _, err := range s.Kernel.JailEvents(ctx) {
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		s.Fatalf("ended with %v", last)
	}
}
