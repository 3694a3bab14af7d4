package sysadm

import (
	"strconv"
	"sync"
)

// hub sends the events of jobs to the connections that subscribed. A message
// is made once, however many get it.
type hub struct {
	server *Server
	limit  int

	mu      sync.Mutex
	conns   map[*conn]kinds
	dropped uint64
}

// kinds are what a connection subscribed to.
type kinds struct{ dispatcher, progress bool }

// add counts a connection, unless there are too many.
func (h *hub) add(c *conn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conns == nil {
		h.conns = map[*conn]kinds{}
	}
	if len(h.conns) >= h.server.limits.Connections {
		return false
	}
	h.conns[c] = kinds{}
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
	k, there := h.conns[c]
	switch kind {
	case "dispatcher":
		k.dispatcher = on
	case "progress":
		k.progress = on
	}
	if there {
		h.conns[c] = k
	}
}

// send tells all subscribers of a job, each in its dialect. It never waits.
func (h *hub) send(message func(d Dialect) object, progress bool) {
	var made [len(dialectNames)][]byte
	h.mu.Lock()
	defer h.mu.Unlock()
	for c, k := range h.conns {
		if !k.dispatcher || progress && !k.progress && !h.server.opts.Extended {
			continue
		}
		if made[c.api] == nil {
			made[c.api] = encode(eventOf(message(c.api)), false)
		}
		c.events.put(made[c.api])
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
	for c, k := range h.conns {
		if k.dispatcher {
			s.Subscribers++
		}
		s.Dropped += c.events.lost()
	}
	return s
}

// queue holds the events that a subscriber has yet to get. What does not fit is
// dropped, and the client is told how many before the next one.
type queue struct {
	limit int
	wake  chan struct{}

	mu      sync.Mutex
	list    [][]byte
	missing int    // dropped since the client was last told
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

// take gives the next message, or nil.
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
		q.list = nil // give the memory back
	}
	return first
}

// mark is the event that tells of what was dropped.
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
