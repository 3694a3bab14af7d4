package events

import (
	"slices"
	"time"
)

// Span is one step of an operation: a pending event, any progress and exactly
// one final event. Spans nest. Its methods are safe for concurrent use.
type Span struct {
	op     *Operation
	parent *Span
	head   Header // as in the pending event, without message

	// Guarded by op.mu.
	over     error    // ErrFinished or ErrClosed
	event    IocEvent // the newest payload
	message  string   // of the newest progress
	waiting  int      // progress merged into the next event
	progress time.Time
	held     []heldEvent
}

// heldEvent is the newest optional event of its kind that waits for room.
type heldEvent struct {
	key    string
	event  IocEvent
	merged int
}

// mergeable events keep part of an older event that they replace.
type mergeable interface {
	mergeKey() string
	merge(older IocEvent) IocEvent
}

// Begin opens a span within s and sends its pending event. If s has ended it
// sends nothing, and every method of the returned span returns ErrFinished.
func (s *Span) Begin(e IocEvent) *Span { return s.op.begin(s, e) }

// Progress sends an event within the span that a reader may miss.
//
// An event of the span's own type is progress: it has the span's ID and is
// pending. It is sent if Options.Sample has passed since the last one.
// An event of another type, such as [JailHookOutput], is a note: a single event
// nested in the span, with an ID of its own, in state Done.
//
// If there is no room, the newest event of each type (for output: of each stream)
// is kept and sent with the next one or just before the final event. If there is
// still no room, it is counted in Merged of the final event, which also has the
// payload of the newest progress.
//
// Progress returns ErrFinished or ErrClosed if it comes too late.
func (s *Span) Progress(e IocEvent) error {
	now := s.op.clock()
	s.op.mu.Lock()
	defer s.op.mu.Unlock()
	if s.over != nil {
		return s.over
	}
	if TypeOf(e) != TypeOf(s.event) {
		s.note(now, e)
		return nil
	}
	s.event = with(e, Header{})
	if m := e.Head().Message; m != "" {
		s.message = m
	}
	if !s.progress.IsZero() && now.Sub(s.progress) < s.op.sample {
		s.waiting++
		return nil
	}
	h := s.head
	h.Message, h.Merged, h.Duration = s.message, s.waiting, now.Sub(h.Started)
	if !s.op.optional(with(s.event, h)) {
		s.waiting++
		return nil
	}
	s.waiting, s.progress = 0, now
	return nil
}

func (s *Span) note(now time.Time, e IocEvent) {
	key := TypeOf(e)
	m, ok := with(e, e.Head()).(mergeable)
	if ok {
		key = m.mergeKey()
	}
	at := slices.IndexFunc(s.held, func(h heldEvent) bool { return h.key == key })
	next := heldEvent{key: key, event: with(e, Header{Subject: subject(e), Message: e.Head().Message})}
	if at >= 0 {
		next.merged = s.held[at].merged + 1
		if ok {
			next.event = with(m.merge(s.held[at].event), next.event.Head())
		}
	}
	switch sent := s.sendNote(now, next); {
	case sent && at >= 0:
		s.held = slices.Delete(s.held, at, at+1)
	case !sent && at >= 0:
		s.held[at] = next
	case !sent:
		s.held = append(s.held, next)
	}
}

func (s *Span) sendNote(now time.Time, n heldEvent) bool {
	h := n.event.Head()
	h.ID, h.Parent, h.Depth = s.op.lastID+1, s.head.ID, s.head.Depth+1
	h.Scope, h.State, h.Started, h.Merged = s.op.scope, Done, now, n.merged
	if !s.op.optional(with(n.event, h)) {
		return false
	}
	s.op.lastID++
	return true
}

// Done ends the span successfully. The final event has the newest payload.
// Like the other final transitions it sends nothing and returns ErrFinished if
// the span has ended, or ErrClosed if the operation has. Spans within s that are
// still open fail first, with ErrUnfinished.
func (s *Span) Done(message string) error { return s.end(Done, nil, message, nil) }

// DoneWith is Done with the payload and message of e, which must be of the
// span's type: otherwise it returns ErrType and the span stays open.
func (s *Span) DoneWith(e IocEvent) error { return s.end(Done, e, e.Head().Message, nil) }

// Skip ends the span because there was nothing to do; message is the reason.
func (s *Span) Skip(message string) error { return s.end(Skipped, nil, message, nil) }

// Fail ends the span with err or, if that is nil, with message as the error.
// Spans within s that are still open fail first, with the same error.
func (s *Span) Fail(err error, message string) error {
	return s.end(Failed, nil, message, failure(err, message))
}

// FailWith is Fail with the payload and message of e, which must be of the
// span's type: otherwise it returns ErrType and the span stays open.
func (s *Span) FailWith(e IocEvent, err error) error {
	m := e.Head().Message
	return s.end(Failed, e, m, failure(err, m))
}

func (s *Span) end(state State, e IocEvent, message string, err error) error {
	now := s.op.clock()
	s.op.mu.Lock()
	defer s.op.mu.Unlock()
	if s.over != nil {
		return s.over
	}
	if e != nil && TypeOf(e) != TypeOf(s.event) {
		return ErrType
	}
	inner := err
	if inner == nil {
		inner = ErrUnfinished
	}
	for _, c := range slices.Backward(s.op.open) {
		if c.within(s) {
			c.finish(now, Failed, nil, "", inner)
		}
	}
	s.finish(now, state, e, message, err)
	return nil
}

func (s *Span) within(outer *Span) bool {
	for p := s.parent; p != nil; p = p.parent {
		if p == outer {
			return true
		}
	}
	return false
}

// finish sends held events and the final event. The caller holds the lock and has
// checked that the span is open.
func (s *Span) finish(now time.Time, state State, e IocEvent, message string, err error) {
	h := s.head
	h.State, h.Message, h.Err = state, message, err
	h.Duration, h.Merged = now.Sub(h.Started), s.waiting
	for _, n := range s.held {
		if !s.sendNote(now, n) {
			h.Merged += n.merged + 1
		}
	}
	if e == nil {
		e = s.event
	}
	s.over, s.held, s.event = ErrFinished, nil, with(e, Header{})
	s.op.remove(s)
	s.op.transition(with(e, h))
}
