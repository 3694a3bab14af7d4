package events

// tail is the room reserved for the end of an operation: an Overflow and the last
// event.
const tail = 2

// queue puts events into a channel without ever blocking. The caller holds the
// operation's lock, so there is one sender, and the free room only grows during a
// call.
type queue struct {
	ch       chan IocEvent
	reserved int // promised transitions that were not sent yet

	// backlog holds transitions beyond the promised room while the channel is
	// full. An Overflow in it replaces those beyond maxBacklog.
	backlog    []IocEvent
	maxBacklog int
	mark       func(missed int) Overflow
}

func newQueue(room, slack int, mark func(int) Overflow) *queue {
	size := max(room+slack, 1) + tail // the tail alone would let nothing pass before the end
	return &queue{ch: make(chan IocEvent, size), reserved: room, maxBacklog: size, mark: mark}
}

func (q *queue) free() int { return cap(q.ch) - len(q.ch) }

// transition sends e, or keeps it until there is room. As long as there are no
// more transitions than promised it always sends: optional events never use the
// reserved room or the tail.
func (q *queue) transition(e IocEvent) {
	if q.reserved > 0 {
		q.reserved--
	}
	q.flush()
	// Check both: the reader may have made room since the flush.
	if len(q.backlog) == 0 && q.free() > tail {
		q.ch <- e
		return
	}
	q.keep(e)
}

// optional sends e unless that takes room from transitions.
func (q *queue) optional(e IocEvent) bool {
	q.flush()
	if len(q.backlog) > 0 || q.free() <= q.reserved+tail {
		return false
	}
	q.ch <- e
	return true
}

func (q *queue) flush() {
	n := min(len(q.backlog), max(0, q.free()-tail))
	for _, e := range q.backlog[:n] {
		q.ch <- e
	}
	clear(q.backlog[:n])
	if q.backlog = q.backlog[n:]; len(q.backlog) == 0 {
		q.backlog = nil
	}
}

// keep appends e to the backlog. If that is full, e replaces the newest event,
// which is counted: the last event of an operation must survive.
func (q *queue) keep(e IocEvent) {
	n := len(q.backlog)
	if n < q.maxBacklog {
		q.backlog = append(q.backlog, e)
		return
	}
	if o, ok := q.backlog[n-2].(Overflow); ok {
		o.Missed++
		q.backlog[n-2], q.backlog[n-1] = o, e
		return
	}
	q.backlog[n-1] = q.mark(1)
	q.backlog = append(q.backlog, e)
}

// close sends the backlog, using the tail, and closes the channel. Events that do
// not fit are counted in one Overflow before the last event.
func (q *queue) close() {
	rest := q.backlog
	if free := q.free(); len(rest) > free {
		fits, last := free-tail, len(rest)-1
		missed := 0
		for _, e := range rest[fits:last] {
			if o, ok := e.(Overflow); ok {
				missed += o.Missed
			} else {
				missed++
			}
		}
		rest = append(rest[:fits:fits], q.mark(missed), rest[last])
	}
	for _, e := range rest {
		q.ch <- e
	}
	q.backlog = nil
	close(q.ch)
}
