package events

import (
	"errors"
	"slices"
	"sync"
	"time"
)

var (
	// ErrFinished: the span, or an enclosing one, has already ended.
	ErrFinished = errors.New("events: span is finished")
	// ErrClosed: the operation has already been closed.
	ErrClosed = errors.New("events: operation is closed")
	// ErrUnfinished is the failure of a span that was still open when the
	// enclosing span, or the operation, succeeded.
	ErrUnfinished = errors.New("events: span was not finished")
	// ErrType: the type of a final event differs from its span's.
	ErrType = errors.New("events: event type does not match its span")
)

// Options configures how an operation sends its events. The zero value works.
type Options struct {
	// Room is how many transitions are kept even if nobody reads: two for each
	// span, pending and final. Use the most that the plan can need; each costs
	// 16 bytes. Default 0.
	Room int
	// Slack is the room for optional events and for transitions beyond Room.
	// Default 64, negative for none.
	Slack int
	// Sample is the shortest time between two progress events of one span.
	// Default 100 ms, negative for no such limit.
	Sample time.Duration
	// Clock returns the current time. Default time.Now.
	Clock func() time.Time
	// Scope is the operation's id, in every header.
	Scope string
}

// Operation sends the events of one operation. Create it before the first step,
// return [Operation.Events] to the caller and close it after the last step. Its
// methods never block and are safe for concurrent use. The package comment lists
// the guarantees to the reader.
type Operation struct {
	scope  string
	sample time.Duration
	clock  func() time.Time

	mu     sync.Mutex
	q      *queue
	lastID uint64
	open   []*Span  // in the order of beginning
	last   IocEvent // the newest event
	closed bool
}

// NewOperation returns an operation with its channel, so that no event is missed.
// It starts no goroutine and can be garbage collected without Close.
func NewOperation(o Options) *Operation {
	if o.Slack == 0 {
		o.Slack = 64
	}
	if o.Sample == 0 {
		o.Sample = 100 * time.Millisecond
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	op := &Operation{scope: o.Scope, sample: o.Sample, clock: o.Clock}
	op.q = newQueue(max(o.Room, 0), max(o.Slack, 0), op.overflow)
	return op
}

// Events returns the operation's channel, always the same. It is closed by
// [Operation.Close]. It is meant for a single reader.
func (o *Operation) Events() <-chan IocEvent { return o.q.ch }

// Begin opens a top-level span and sends its pending event. After Close it sends
// nothing, and every method of the returned span returns ErrClosed.
func (o *Operation) Begin(e IocEvent) *Span { return o.begin(nil, e) }

// Grow announces n transitions beyond Options.Room, because a step turned out to
// have more parts. Optional events then leave room for them too. The channel
// keeps its size: transitions that do not fit wait for the reader, and those
// still waiting at the end are counted in an [Overflow].
func (o *Operation) Grow(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n = max(n, 0)
	o.q.reserved += n
	o.q.maxBacklog += n
}

// Close ends the operation with its outcome and closes the channel.
//
// Spans that are still open fail first, the innermost first: with err, or with
// ErrUnfinished if err is nil, which is then the outcome and is returned. If the
// last event does not have the outcome, an [OperationEnd] with it follows. A
// second call does nothing and returns ErrClosed.
func (o *Operation) Close(err error) error {
	now := o.clock()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return ErrClosed
	}
	var unfinished error
	if len(o.open) > 0 && err == nil {
		unfinished = ErrUnfinished
		err = unfinished
	}
	reported := len(o.open) > 0
	for len(o.open) > 0 {
		o.open[len(o.open)-1].finish(now, Failed, nil, "", err)
	}
	var lastErr error
	if o.last != nil {
		lastErr = o.last.Head().Err
	}
	switch {
	case err != nil && !reported && !errors.Is(lastErr, err):
		o.transition(with(OperationEnd{}, o.header(now, Failed, err)))
	case err == nil && lastErr != nil:
		o.transition(with(OperationEnd{}, o.header(now, Done, nil)))
	}
	o.closed = true
	o.q.close()
	return unfinished
}

// Refuse returns the channel of an operation that was refused: it holds e, failed
// with err and without a pending event, and is closed. Options other than Clock
// and Scope are ignored.
func Refuse(o Options, e IocEvent, err error) <-chan IocEvent {
	op := NewOperation(Options{Room: 1, Slack: -1, Clock: o.Clock, Scope: o.Scope})
	op.Refuse(e, err)
	return op.Events()
}

// Refuse ends an operation before its first span: it sends e, failed with err and
// without a pending event, and closes the channel. After Close it does nothing.
func (o *Operation) Refuse(e IocEvent, err error) {
	now := o.clock()
	in := e.Head()
	err = failure(err, in.Message)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	h := o.header(now, Failed, err)
	h.Subject, h.Message = subject(e), in.Message
	o.transition(with(e, h))
	o.closed = true
	o.q.close()
}

// header returns the header of an event that is a top-level span of its own.
func (o *Operation) header(now time.Time, s State, err error) Header {
	o.lastID++
	return Header{ID: o.lastID, Scope: o.scope, State: s, Err: err, Started: now}
}

func (o *Operation) overflow(missed int) Overflow {
	return Overflow{Header: o.header(o.clock(), Done, nil), Missed: missed}
}

func (o *Operation) transition(e IocEvent) {
	o.last = e
	o.q.transition(e)
}

func (o *Operation) optional(e IocEvent) bool {
	if !o.q.optional(e) {
		return false
	}
	o.last = e
	return true
}

func (o *Operation) begin(parent *Span, e IocEvent) *Span {
	now := o.clock()
	o.mu.Lock()
	defer o.mu.Unlock()
	s := &Span{op: o, parent: parent, event: with(e, Header{})}
	if o.closed {
		s.over = ErrClosed
	} else if parent != nil {
		s.over = parent.over
	}
	if s.over != nil {
		return s
	}
	s.head = o.header(now, Pending, nil)
	s.head.Subject = subject(e)
	if parent != nil {
		s.head.Parent, s.head.Depth = parent.head.ID, parent.head.Depth+1
	}
	o.open = append(o.open, s)
	h := s.head
	h.Message = e.Head().Message
	o.transition(with(e, h))
	return s
}

func (o *Operation) remove(s *Span) {
	if i := slices.Index(o.open, s); i >= 0 {
		o.open = slices.Delete(o.open, i, i+1)
	}
}

// failure returns err, or else an error with the message: a failed event always
// has an error.
func failure(err error, message string) error {
	switch {
	case err != nil:
		return err
	case message != "":
		return errors.New(message)
	}
	return errors.New("failed")
}
