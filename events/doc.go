// Package events reports what a long operation does, as typed values on a channel.
//
// # Reading
//
// Every long operation returns a <-chan [IocEvent]. Range over it and use a type
// switch on the events of interest; an event prints itself as [Line] shows it.
// [Each], [Collect] and [Wait] read to the end and return the operation's error.
// [Tree] rebuilds the nesting. [Marshal] and [Unmarshal] carry events over a wire
// or into a file.
//
// An operation consists of spans that nest. A span is one step: a pending
// event, then any progress, then one final event, which is done, skipped or
// failed. All of these are of one type and share one ID. Progress of another
// type, such as a hook's output, is a note: one event of its own below the span.
//
// # Guarantees to the reader
//
//  1. State order: the first event of a span is pending, its last is final and
//     there is exactly one final event. Between them are only pending ones.
//  2. Nesting: a span's events come after the pending and before the final event
//     of the enclosing span. Parent is that span's ID; Depth is one more than its.
//  3. Failure: a failed event has an error, and no other event does.
//  4. Last event: if the operation failed its last event is failed and carries
//     the operation's error; if it did not fail its last event is not failed.
//     An operation that sent nothing did not fail.
//  5. Refusal: an operation that is refused sends one failed event.
//  6. Closing: the channel is closed when the operation ends, even if it failed.
//  7. Nothing is missed: the channel exists before the first step.
//  8. Never blocked: the operation runs the same whether its reader is fast,
//     slow or absent.
//  9. Room: all transitions, which are pending and final events, are delivered
//     in order, even to a reader that starts after the operation's end, as long
//     as there are no more of them than [Options].Room.
//  10. Beyond that room, transitions are delivered as long as the reader keeps
//     up. If it does not, they wait, in order, for the next event that is sent.
//     Those still waiting at the end, or too many to wait, are replaced by an
//     [Overflow] that counts them. The last event is never among them.
//     A span's pending or final event may thus be missing, but never silently.
//  11. Optional events (progress, notes) never take reserved room. An event that
//     finds no room, or comes too soon, is merged into the next one of its kind,
//     or else into the span's final event, and counted there in Merged.
//     The newest wins: a final event has the payload of the newest progress.
//  12. Immutable: an event never changes once it is sent.
//  13. No leak: no goroutine serves the channel. An operation abandoned by its
//     reader or by its creator is garbage collected. Its memory is bounded by its
//     room and its open spans, whatever it sends.
//
// If there are more events than the reserved room, 1 to 3 hold for the events
// that were sent, including those that an Overflow replaced.
//
// # Sending
//
// The sender calls [NewOperation] with the room that its plan needs, returns
// [Operation.Events], and from its own goroutine opens spans with
// [Operation.Begin] and [Span.Begin], ends them, and calls [Operation.Close]
// with the outcome. Close ends the spans that are still open. If a plan can
// expand, Room is the most it can need; [Operation.Grow] is for what could not be
// known. A second final transition, or one after Close, is an error and sends
// nothing.
//
// # Differences from libioc
//
// In libioc one object is yielded at each transition and changes under the
// consumer; iteration drives the work, so that an abandoned generator stops
// half-way. A skipped or failed event is never done there, a failed hook loses its
// output, and TeardownSystemMounts and JailNetworkTeardown are JailStop events
// by inheritance. None of this applies here. Event names are the same.
//
// # Stability
//
// The wire form only grows: see [Marshal]. New event types may be added, so a type
// switch needs a default and a decoder must expect [UnknownTypeError].
package events
