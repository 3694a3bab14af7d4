package events

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"
)

var errBoom = errors.New("boom")

// fakeClock advances by a second with each reading.
type fakeClock struct{ now time.Time }

func (c *fakeClock) Now() time.Time {
	c.now = c.now.Add(time.Second)
	return c.now
}

func newClock() *fakeClock {
	return &fakeClock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

// drain reads a closed operation's channel to its end.
func drain(t testing.TB, op *Operation) []IocEvent {
	t.Helper()
	var all []IocEvent
	for {
		select {
		case e, ok := <-op.Events():
			if !ok {
				return all
			}
			all = append(all, e)
		default:
			t.Fatalf("channel is open and empty after %d events", len(all))
		}
	}
}

func lines(all []IocEvent) []string {
	var out []string
	for _, e := range all {
		h := e.Head()
		out = append(out, fmt.Sprintf("%d<%d %s@%s %s", h.ID, h.Parent, TypeOf(e), h.Subject, h.State))
	}
	return out
}

func wantLines(t testing.TB, all []IocEvent, want ...string) {
	t.Helper()
	if got := lines(all); !slices.Equal(got, want) {
		t.Errorf("events:\n got %q\nwant %q", got, want)
	}
}

// checkOrder proves state order, nesting and failure for events of which none is missing.
func checkOrder(t testing.TB, all []IocEvent) {
	t.Helper()
	open := map[uint64]IocEvent{}
	over := map[uint64]bool{}
	for i, e := range all {
		h := e.Head()
		if (h.State == Failed) != (h.Err != nil) {
			t.Errorf("event %d: state %v, error %v", i, h.State, h.Err)
		}
		if over[h.ID] {
			t.Errorf("event %d: span %d has ended before", i, h.ID)
		}
		first := open[h.ID]
		if first != nil && TypeOf(first) != TypeOf(e) {
			t.Errorf("event %d: span %d changes from %s to %s", i, h.ID, TypeOf(first), TypeOf(e))
		}
		if h.Parent != 0 {
			p := open[h.Parent]
			if p == nil {
				t.Errorf("event %d: span %d is outside of its parent %d", i, h.ID, h.Parent)
			} else if h.Depth != p.Head().Depth+1 {
				t.Errorf("event %d: depth %d below %d", i, h.Depth, p.Head().Depth)
			}
		} else if h.Depth != 0 {
			t.Errorf("event %d: depth %d at the top", i, h.Depth)
		}
		if h.State == Pending {
			open[h.ID] = e
			continue
		}
		single := slices.Contains([]string{"JailHookOutput", "OperationEnd", "Overflow"}, TypeOf(e))
		if first == nil && !single {
			t.Errorf("event %d: %s was never pending", i, TypeOf(e))
		}
		delete(open, h.ID)
		over[h.ID] = true
	}
	if len(open) > 0 {
		t.Errorf("never ended: %v", open)
	}
}

func TestStateOrderAndNesting(t *testing.T) {
	clock := newClock()
	op := NewOperation(Options{Room: 10, Clock: clock.Now, Scope: "op-7"})
	start := op.Begin(JailStart{Header: Header{Message: "starting"}, Jail: "web"})
	dev := start.Begin(MountDevFS{Jail: "web", Ruleset: 4})
	if err := dev.Done("mounted"); err != nil {
		t.Fatal(err)
	}
	if err := start.Begin(MountFdescfs{Jail: "web"}).Skip("disabled"); err != nil {
		t.Fatal(err)
	}
	attach := start.Begin(JailAttach{Jail: "web"})
	if err := attach.DoneWith(JailAttach{Header: Header{Message: "jid 5"}, Jail: "web", JID: 5}); err != nil {
		t.Fatal(err)
	}
	if err := start.Done(""); err != nil {
		t.Fatal(err)
	}
	if err := op.Close(nil); err != nil {
		t.Fatal(err)
	}
	all := drain(t, op)
	checkOrder(t, all)
	wantLines(t, all,
		"1<0 JailStart@web pending", "2<1 MountDevFS@web pending", "2<1 MountDevFS@web done",
		"3<1 MountFdescfs@web pending", "3<1 MountFdescfs@web skipped",
		"4<1 JailAttach@web pending", "4<1 JailAttach@web done", "1<0 JailStart@web done")
	t0 := newClock().now
	want := JailAttach{Jail: "web", JID: 5, Header: Header{
		ID: 4, Parent: 1, Depth: 1, Scope: "op-7", State: Done, Subject: "web", Message: "jid 5",
		Started: t0.Add(6 * time.Second), Duration: time.Second,
	}}
	if all[6] != want {
		t.Errorf("got %+v, want %+v", all[6], want)
	}
	if m := all[0].Head().Message; m != "starting" || all[7].Head().Message != "" {
		t.Errorf("messages %q, %q", m, all[7].Head().Message)
	}
	if d := all[7].(JailStart).Duration; d != 7*time.Second {
		t.Errorf("duration %v", d)
	}
}

// Every final transition refuses to be the second one, and sends nothing.
func TestOneFinalTransition(t *testing.T) {
	finals := map[string]func(*Span) error{
		"Done":     func(s *Span) error { return s.Done("") },
		"DoneWith": func(s *Span) error { return s.DoneWith(JailStart{}) },
		"Skip":     func(s *Span) error { return s.Skip("") },
		"Fail":     func(s *Span) error { return s.Fail(errBoom, "") },
		"FailWith": func(s *Span) error { return s.FailWith(JailStart{}, errBoom) },
	}
	others := map[string]func(*Span) error{
		"Progress": func(s *Span) error { return s.Progress(JailStart{}) },
		"Begin":    func(s *Span) error { return s.Begin(JailStop{}).Done("") },
	}
	for first, do := range finals {
		op := NewOperation(Options{})
		s := op.Begin(JailStart{})
		if err := do(s); err != nil {
			t.Errorf("%s: %v", first, err)
		}
		for _, again := range []map[string]func(*Span) error{finals, others} {
			for name, redo := range again {
				if err := redo(s); !errors.Is(err, ErrFinished) {
					t.Errorf("%s after %s: %v", name, first, err)
				}
			}
		}
		if n := len(op.Events()); n != 2 {
			t.Errorf("%s: %d events", first, n)
		}
	}
}

func TestAfterClose(t *testing.T) {
	op := NewOperation(Options{})
	s := op.Begin(JailStart{})
	op.Close(errBoom)
	if err := op.Begin(JailStop{}).Done(""); !errors.Is(err, ErrClosed) {
		t.Errorf("Begin: %v", err)
	}
	if err := s.Done(""); !errors.Is(err, ErrFinished) {
		t.Errorf("Done: %v", err)
	}
	if err := op.Close(nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Close: %v", err)
	}
	wantLines(t, drain(t, op), "1<0 JailStart@ pending", "1<0 JailStart@ failed")
}

func TestFinalEventOfAnotherType(t *testing.T) {
	op := NewOperation(Options{})
	s := op.Begin(JailStart{})
	if err := s.DoneWith(JailStop{}); !errors.Is(err, ErrType) {
		t.Errorf("DoneWith: %v", err)
	}
	if err := s.FailWith(JailStop{}, errBoom); !errors.Is(err, ErrType) {
		t.Errorf("FailWith: %v", err)
	}
	if err := s.DoneWith(&JailStart{Jail: "web"}); err != nil {
		t.Errorf("pointer to the same type: %v", err)
	}
	op.Close(nil)
	all := drain(t, op)
	checkOrder(t, all)
	if e, ok := all[1].(JailStart); !ok || e.Jail != "web" {
		t.Errorf("got %#v", all[1])
	}
}

// The last event tells the outcome, however the operation ended.
func TestLastEvent(t *testing.T) {
	wrapped := fmt.Errorf("start web: %w", errBoom)
	tests := []struct {
		name  string
		run   func(*Operation) error // what Close is called with
		want  []string
		err   error // of the operation
		close error
	}{
		{"nothing", func(*Operation) error { return nil }, nil, nil, nil},
		{"nothing but failed", func(*Operation) error { return errBoom },
			[]string{"1<0 OperationEnd@ failed"}, errBoom, nil},
		{"done", func(op *Operation) error { return op.Begin(JailStart{}).Done("") },
			[]string{"1<0 JailStart@ pending", "1<0 JailStart@ done"}, nil, nil},
		{"failed span", func(op *Operation) error { op.Begin(JailStart{}).Fail(wrapped, ""); return errBoom },
			[]string{"1<0 JailStart@ pending", "1<0 JailStart@ failed"}, wrapped, nil},
		{"open spans", func(op *Operation) error { op.Begin(JailStart{}).Begin(JailAttach{}); return errBoom },
			[]string{"1<0 JailStart@ pending", "2<1 JailAttach@ pending", "2<1 JailAttach@ failed", "1<0 JailStart@ failed"}, errBoom, nil},
		{"done span, failed operation", func(op *Operation) error { op.Begin(JailStart{}).Done(""); return errBoom },
			[]string{"1<0 JailStart@ pending", "1<0 JailStart@ done", "2<0 OperationEnd@ failed"}, errBoom, nil},
		{"another error", func(op *Operation) error { op.Begin(JailStart{}).Fail(errBoom, ""); return wrapped },
			[]string{"1<0 JailStart@ pending", "1<0 JailStart@ failed", "2<0 OperationEnd@ failed"}, wrapped, nil},
		{"failure swallowed", func(op *Operation) error { op.Begin(JailStart{}).Fail(errBoom, ""); return nil },
			[]string{"1<0 JailStart@ pending", "1<0 JailStart@ failed", "2<0 OperationEnd@ done"}, nil, nil},
		{"forgotten span", func(op *Operation) error { op.Begin(JailStart{}); return nil },
			[]string{"1<0 JailStart@ pending", "1<0 JailStart@ failed"}, ErrUnfinished, ErrUnfinished},
		{"forgotten inner span", func(op *Operation) error { s := op.Begin(JailStart{}); s.Begin(JailAttach{}); return s.Done("") },
			[]string{"1<0 JailStart@ pending", "2<1 JailAttach@ pending", "2<1 JailAttach@ failed", "1<0 JailStart@ done"}, nil, nil},
		{"skipped around open span", func(op *Operation) error { s := op.Begin(JailStart{}); s.Begin(JailAttach{}); return s.Skip("") },
			[]string{"1<0 JailStart@ pending", "2<1 JailAttach@ pending", "2<1 JailAttach@ failed", "1<0 JailStart@ skipped"}, nil, nil},
		{"sibling left alone", func(op *Operation) error {
			a := op.Begin(JailStart{Jail: "a"})
			b := op.Begin(JailStart{Jail: "b"})
			b.Begin(JailAttach{Jail: "b"}).Begin(MountDevFS{Jail: "b"})
			b.Fail(errBoom, "")
			a.Done("")
			return errBoom
		}, []string{"1<0 JailStart@a pending", "2<0 JailStart@b pending", "3<2 JailAttach@b pending", "4<3 MountDevFS@b pending",
			"4<3 MountDevFS@b failed", "3<2 JailAttach@b failed", "2<0 JailStart@b failed", "1<0 JailStart@a done", "5<0 OperationEnd@ failed"}, errBoom, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			op := NewOperation(Options{Slack: -1, Room: len(tt.want)})
			if err := op.Close(tt.run(op)); err != tt.close {
				t.Errorf("Close: %v, want %v", err, tt.close)
			}
			all, err := Collect(context.Background(), op.Events())
			if err != tt.err {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			wantLines(t, all, tt.want...)
			checkOrder(t, all)
		})
	}
}

type uncomparable []error

func (uncomparable) Error() string { return "many" }

// errors.Is cannot find an error that cannot be compared.
func TestUncomparableError(t *testing.T) {
	op := NewOperation(Options{})
	op.Begin(JailStart{})
	op.Close(uncomparable{errBoom})
	wantLines(t, drain(t, op), "1<0 JailStart@ pending", "1<0 JailStart@ failed")
	if n := len(Refuse(Options{}, JailStart{}, uncomparable{})); n != 1 {
		t.Errorf("refusal has %d events", n)
	}
}

func TestFailureAlwaysHasAnError(t *testing.T) {
	for _, message := range []string{"", "no such device"} {
		op := NewOperation(Options{})
		op.Begin(JailStart{}).Fail(nil, message)
		op.Close(nil)
		err := drain(t, op)[1].Head().Err
		if err == nil || message != "" && err.Error() != message {
			t.Errorf("%q: error %v", message, err)
		}
	}
}

func TestRefusal(t *testing.T) {
	clock := newClock()
	ch := Refuse(Options{Scope: "op-1", Clock: clock.Now}, JailStart{Jail: "web"}, errBoom)
	all, err := Collect(context.Background(), ch)
	if err != errBoom {
		t.Errorf("error %v", err)
	}
	want := JailStart{Jail: "web", Header: Header{
		ID: 1, Scope: "op-1", State: Failed, Subject: "web", Err: errBoom, Started: newClock().Now(),
	}}
	if !reflect.DeepEqual(all, []IocEvent{want}) {
		t.Errorf("got %+v", all)
	}
	if err := Wait(context.Background(), Refuse(Options{}, JailStart{}, nil)); err == nil {
		t.Error("a refusal without error is no failure")
	}
}

func TestEventsAreImmutable(t *testing.T) {
	op := NewOperation(Options{})
	keys := []string{"db"}
	s := op.Begin(JailConfigSave{Jail: "web", Keys: keys})
	keys[0] = "changed"
	keys = []string{"db", "cache"}
	s.Progress(JailConfigSave{Jail: "web", Keys: keys})
	keys[0] = "changed"
	s.Done("")
	op.Close(nil)
	all := drain(t, op)
	for i, want := range [][]string{{"db"}, {"db", "cache"}, {"db", "cache"}} {
		e := all[i].(JailConfigSave)
		if !slices.Equal(e.Keys, want) {
			t.Errorf("event %d: %q, want %q", i, e.Keys, want)
		}
		e.Keys[0] = "by a reader"
	}
}

func TestSubject(t *testing.T) {
	op := NewOperation(Options{})
	s := op.Begin(ReleaseAssetDownload{Release: "14.2-RELEASE", Asset: "base.txz"})
	s.DoneWith(ReleaseAssetDownload{Header: Header{Subject: "other"}})
	op.Begin(ReleaseAssetDownload{Header: Header{Subject: "mine"}}).Done("")
	op.Close(nil)
	var got []string
	for _, e := range drain(t, op) {
		got = append(got, e.Head().Subject)
	}
	const name = "14.2-RELEASE/base.txz"
	if want := []string{name, name, "mine", "mine"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
