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
	conns   map[*conn]map[string]bool // by kind of event, whether they subscribed
	dropped uint64
}

// add adds a connection, unless there are too many.
func (h *hub) add(c *conn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conns == nil {
		h.conns = map[*conn]map[string]bool{}
	}
	if len(h.conns) >= h.server.limits.Connections {
		return false
	}
	h.conns[c] = map[string]bool{}
	return true
}

func (h *hub) remove(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, c)
	h.dropped += c.events.lost()
}

func (h *hub) subscribe(c *conn, kind string, on bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if kinds, ok := h.conns[c]; ok {
		kinds[kind] = on
	}
}

// send sends an event to all subscribers, each in its dialect. It never waits.
func (h *hub) send(message func(d Dialect) object, progress bool) {
	var encoded [len(dialectNames)][]byte
	h.mu.Lock()
	defer h.mu.Unlock()
	for c, kinds := range h.conns {
		if !kinds["dispatcher"] || progress && !kinds["progress"] && !h.server.opts.Extended {
			continue
		}
		if encoded[c.api] == nil {
			encoded[c.api] = encode(eventOf(message(c.api)), false)
		}
		c.events.put(encoded[c.api])
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
	for c, kinds := range h.conns {
		if kinds["dispatcher"] {
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
