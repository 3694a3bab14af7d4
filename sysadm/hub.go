package sysadm

import (
	"strconv"
	"sync"
)

// hub sends the events of jobs to the connections that subscribed. A message
// is encoded once for all of them.
type hub struct {
	server *Server
	limit  int

	mu      sync.Mutex
	conns   map[*conn]bool
	dropped uint64
}

// add adds a connection, unless there are too many, or too many of its address that
// have not logged in: one address cannot keep others from logging in.
func (h *hub) add(c *conn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conns == nil {
		h.conns = map[*conn]bool{}
	}
	if len(h.conns) >= h.server.limits.Connections {
		return false
	}
	waiting := 0
	for other := range h.conns {
		if other.network == c.network && other.current() == "" {
			waiting++
		}
	}
	if waiting >= h.server.limits.BeforeLogin {
		return false
	}
	h.conns[c] = true
	return true
}

func (h *hub) remove(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, c)
	h.dropped += c.events.lost()
}

// send sends a job's event to all subscribers, each in its dialect, to the one that asked
// for the job in the request's. It never waits.
func (h *hub) send(j *job, message func(d Dialect) object, progress bool) {
	var encoded [len(dialectNames)][]byte
	once := func(d Dialect) []byte {
		if encoded[d] == nil {
			encoded[d] = encode(eventOf(message(d)), false)
		}
		return encoded[d]
	}
	kinds := []string{"dispatcher"}
	if progress && !h.server.opts.Extended {
		kinds = append(kinds, "progress")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.conns {
		d := c.api
		if c == j.conn {
			d = j.api
		}
		c.offer(func() []byte { return once(d) }, kinds...)
	}
}

// eventOf is the envelope of a dispatcher event.
func eventOf(args object) envelope {
	return envelope{Args: args, Name: "dispatcher", Namespace: "events"}
}

func (h *hub) closeAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.conns {
		c.goAway()
	}
}

func (h *hub) stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := Stats{Connections: len(h.conns), Dropped: h.dropped}
	for c := range h.conns {
		if c.subscribed("dispatcher") {
			s.Subscribers++
		}
		s.Dropped += c.events.lost()
	}
	return s
}

// queue holds the events that a subscriber has not received yet. Events that do
// not fit are dropped, and the next event reports how many.
type queue struct {
	limit int
	wake  chan struct{}

	mu      sync.Mutex
	list    [][]byte
	missing int    // dropped since the last report to the client
	dropped uint64 // all
}

func newQueue(limit int) *queue { return &queue{limit: limit, wake: make(chan struct{}, 1)} }

func (q *queue) put(message []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) >= q.limit {
		q.missing++
		q.dropped++
		return
	}
	if q.missing > 0 {
		q.list = append(q.list, q.mark())
	}
	q.list = append(q.list, message)
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take returns the next message, or nil.
func (q *queue) take() []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) == 0 {
		if q.missing == 0 {
			return nil
		}
		return q.mark()
	}
	first := q.list[0]
	if q.list = q.list[1:]; len(q.list) == 0 {
		q.list = nil // free the memory
	}
	return first
}

// clear forgets the waiting events.
func (q *queue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list, q.missing = nil, 0
}

// mark returns the event that reports how many events were dropped.
func (q *queue) mark() []byte {
	n := strconv.Itoa(q.missing)
	q.missing = 0
	return encode(eventOf(object{"state": "overflow", "dropped": n}), false)
}

func (q *queue) lost() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}
