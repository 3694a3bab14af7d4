package events

import "time"

// IocEvent is one event. Each kind of event is its own struct type, so that a
// consumer uses a type switch; [Types] lists them. Events are values and never
// change once they are sent.
//
// The interface is closed, so that it can grow: other packages cannot add events.
type IocEvent interface {
	// Head returns what every event has.
	Head() Header
	// Type returns the name of the event's type, without the package.
	Type() string

	with(Header) IocEvent // a copy with another header
	subject() string      // the Subject if the header names none
}

// Header is what every event has. An [Operation] fills it; of the header of an
// event given to an Operation or [Span] only Subject and Message are used.
type Header struct {
	// ID is that of the span the event belongs to: the pending event, all
	// progress and the final event of one span share it. It is unique within
	// the operation, starts at 1 and grows in the order of beginning.
	ID uint64
	// Parent is the ID of the span this one is nested in, 0 at the top.
	Parent uint64
	// Depth counts the spans around this one, 0 at the top.
	Depth int
	// Scope is the operation's id, from [Options].
	Scope string
	State State
	// Subject names what the event is about: a jail, a release, a dataset. It
	// is libioc's identifier and stays the same within a span.
	Subject string
	// Message says more in a few words and may be empty.
	Message string
	// Err is set if and only if State is Failed.
	Err error
	// Started is when the span began.
	Started time.Time
	// Duration is the time since Started; 0 in a pending event without progress.
	Duration time.Duration
	// Merged counts the earlier optional events of the span (progress, output)
	// that were not sent on their own but merged into this one.
	Merged int
}

// Head returns the header itself.
func (h Header) Head() Header { return h }

// Types returns the names of all event types, by family.
func Types() []string {
	all := catalogue()
	names := make([]string, len(all))
	for i, e := range all {
		names[i] = e.Type()
	}
	return names
}

// join names a part of something.
func join(whole, part string) string {
	if whole == "" || part == "" {
		return whole + part
	}
	return whole + "/" + part
}
