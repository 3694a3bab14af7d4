// Package events tells what a long operation does, as typed values on a channel.
//
// # Reading
//
// Every long operation returns a <-chan [IocEvent]. Range over it and use a type
// switch on the events of interest; [Line] shows any event. [Collect] and [Wait]
// read to the end and return the operation's error. [Tree] rebuilds the nesting.
// [Marshal] and [Unmarshal] carry events over a wire or into a file.
//
// An operation consists of spans that nest. A span is one step: a pending
// event, then any progress, then one final event, which is done, skipped or
// failed. All of these are of one type and share one ID. Progress of another
// type, such as a hook's output, is a note: one event of its own below the span.
//
// # What a reader can rely on
//
//  1. State order: the first event of a span is pending, its last is final and
//     there is exactly one final event. Between them are only pending ones.
//  2. Nesting: a span's events come after the pending and before the final event
//     of the span around it. Parent names that span; Depth is one more than its.
//  3. Failure: a failed event has an error, no other event has one.
//  4. Last event: if the operation failed its last event is failed and carries
//     the operation's error; if it did not fail its last event is not failed.
//     An operation that sent nothing did not fail.
//  5. Refusal: an operation that does not begin sends one failed event.
//  6. Closing: the channel is closed when the operation ends, also if it failed.
//  7. Nothing is missed: the channel exists before the first step.
//  8. Never blocked: the operation takes the same course whether its reader is
//     fast, slow, gone, or was never there.
//  9. Room: transitions, which are pending and final events, are all delivered,
//     in order, even to a reader that begins after the operation's end, as long
//     as there are no more of them than [Options].Room.
//  10. Beyond that room transitions are delivered as long as the reader keeps up.
//     If it does not they wait, in order, for the next event that is sent. Those
//     still waiting at the end, or too many to wait, are replaced by an
//     [Overflow] that counts them. The last event is never among them.
//     A span's pending or final event may thus be missing, but not unmarked.
//  11. Optional events (progress, notes) never take reserved room. What finds no
//     room, or comes too fast, is merged into the next event of its kind, or
//     else into the span's final event, and counted there in Merged.
//     The newest wins: a final event has the payload of the newest progress.
//  12. Immutable: an event never changes once it is sent.
//  13. No leak: there is no goroutine behind the channel. An operation that is
//     abandoned, by its reader or by its maker, is garbage. The memory it takes is
//     bounded by its room and its open spans, whatever it sends.
//
// With more events than the reserved room, 1 to 3 hold for what was sent; what
// an Overflow stands for was sent but cannot be read.
//
// # Sending
//
// The maker of an operation calls [NewOperation] with the room that its plan
// needs, returns [Operation.Events], and from its own goroutine opens spans with
// [Operation.Begin] and [Span.Begin], ends them, and calls [Operation.Close]
// with the outcome. Close ends what is still open. Where a plan can expand, Room
// is to be what it needs at most; [Operation.Grow] is for what nobody could know.
// A second final transition, or one after Close, is an error and sends nothing.
//
// # Differences to libioc
//
// In libioc one object is yielded at each transition and changes under the
// consumer; iteration drives the work, so that an abandoned generator stops
// half-way. A skipped or failed event is never done there, a failed hook loses its
// output, and TeardownSystemMounts and JailNetworkTeardown are JailStop events
// by inheritance. None of this is so here. Names of events are the same.
//
// # Stability
//
// The wire form only grows: see [Marshal]. New event types may be added, so a type
// switch needs a default and a decoder must expect [UnknownTypeError].
package events
