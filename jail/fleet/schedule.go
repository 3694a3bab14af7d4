package fleet

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/jail"
)

// node is one jail in an operation on many.
type node struct {
	jail   *jail.Jail
	name   string // full name
	wanted bool   // asked for, not only needed by another
	order  int    // lower begins first
	// needs have to be over before this one begins; neededBy is the reverse.
	needs, neededBy []*node
	// refused is why the jail cannot be begun, known before anything is.
	refused error

	waiting int // how many of needs are not over
	state   nodeState
	slot    bool // it takes one of the slots
	result  Result
}

func newNode(j *jail.Jail, wanted bool, order int) *node {
	return &node{jail: j, name: j.FullName(), wanted: wanted, order: order}
}

type nodeState uint8

const (
	nodeWaiting nodeState = iota
	nodeBegun
	nodeOver
)

// schedule decides when the jails of a graph begin: each after those it needs, in
// order of priority, as many at once as there are slots. It is a state machine
// without goroutines or a clock: next takes what has happened and returns what to
// do. An execution drives it.
type schedule struct {
	nodes []*node
	slots int
	// independent lets a jail begin although one that it waited for has failed.
	independent bool
	levels      levels

	ready []*node // in the order in which they get a slot and their level opens
	taken int     // slots
	begun int     // nodes

	// Of the message that is being handled.
	now     time.Time
	ended   error
	actions []action
}

// message is what has happened, and when.
type message struct {
	kind   messageKind
	node   *node  // of slotFreed and workDone
	report report // of workDone
	now    time.Time
	// ended, if not nil, is why no jail may begin any more.
	ended error
}

type messageKind uint8

const (
	started   messageKind = iota // the first message
	slotFreed                    // the node does not need its slot any more
	workDone                     // the node's operation is over
	levelOver                    // the time at which levels.until ends has come
	timeOver                     // the nodes that are not over are left behind
)

// report is the outcome of one jail's operation.
type report struct {
	outcome Outcome
	err     error
	events  []events.IocEvent
	note    string
}

// action is what to do: begin a node, or publish its result.
type action struct {
	begin bool
	node  *node
}

// errCut: the time is over while a jail's operation still goes on.
var errCut = errors.New("not finished in time; it is still being worked on")

func newSchedule(nodes []*node, slots int) *schedule {
	s := &schedule{nodes: nodes, slots: slots}
	for _, n := range nodes {
		n.waiting = len(n.needs)
		for _, other := range n.needs {
			other.neededBy = append(other.neededBy, n)
		}
		if n.waiting == 0 {
			s.wait(n)
		}
	}
	return s
}

// wait adds a node to those that are ready.
func (s *schedule) wait(n *node) {
	i, _ := slices.BinarySearchFunc(s.ready, n, func(a, b *node) int {
		return cmp.Or(cmp.Compare(a.order, b.order), strings.Compare(a.name, b.name))
	})
	s.ready = slices.Insert(s.ready, i, n)
}

// next handles a message. Every node is begun at most once, and its result is
// published exactly once, after those of the nodes that it needs.
func (s *schedule) next(m message) []action {
	s.now, s.ended, s.actions = m.now, m.ended, nil
	switch m.kind {
	case slotFreed:
		s.free(m.node)
	case workDone:
		s.begun--
		s.over(m.node, m.report)
		s.free(m.node) // after over, so that its dependants may get the slot
	case timeOver:
		s.cut()
	}
	s.beginReady()
	if len(s.ready) == 0 && s.begun == 0 {
		// What still waits does so in a circle, which the graph should have refused.
		for _, n := range s.nodes {
			if n.state == nodeWaiting {
				s.over(n, report{outcome: Failed, err: jail.ErrCycle})
			}
		}
	}
	return s.actions
}

func (s *schedule) beginReady() {
	s.levels.advance(s.nodes, s.now)
	for len(s.ready) > 0 && s.taken < s.slots && s.levels.open(s.ready[0]) {
		n := s.ready[0]
		s.ready = s.ready[1:]
		if err := s.refusal(n); err != nil {
			s.over(n, report{outcome: Failed, err: err})
			s.levels.advance(s.nodes, s.now)
			continue
		}
		n.state, n.slot = nodeBegun, true
		s.taken++
		s.begun++
		s.actions = append(s.actions, action{begin: true, node: n})
	}
}

// refusal returns why a jail whose turn it is does not begin.
func (s *schedule) refusal(n *node) error {
	if n.refused != nil {
		return n.refused
	}
	for _, other := range n.needs {
		if err := other.result.Err; err != nil && !s.independent {
			return &jail.DependencyError{Jail: n.name, On: other.name, Err: err}
		}
	}
	if s.ended != nil {
		return &jail.Error{Op: "begin", Jail: n.name, Err: s.ended}
	}
	return nil
}

// over ends a node, which its dependants have waited for.
func (s *schedule) over(n *node, r report) {
	s.publish(n, r)
	for _, d := range n.neededBy {
		if d.waiting--; d.waiting == 0 && d.state == nodeWaiting {
			s.wait(d)
		}
	}
}

func (s *schedule) publish(n *node, r report) {
	n.state = nodeOver
	n.result.Jail, n.result.Dependency = n.jail, !n.wanted
	n.result.Outcome, n.result.Err, n.result.Events, n.result.Note = r.outcome, r.err, r.events, r.note
	s.actions = append(s.actions, action{node: n})
}

func (s *schedule) free(n *node) {
	if n.slot {
		n.slot = false
		s.taken--
	}
}

// cut ends all nodes, whatever their operations still do.
func (s *schedule) cut() {
	s.ready = nil
	for _, n := range s.nodes {
		if n.state != nodeOver {
			s.publish(n, report{outcome: Failed, err: &jail.Error{Op: "finish", Jail: n.name, Err: errCut}})
		}
	}
}

// levels holds back the nodes of higher orders until the lower ones are over, or
// have had their share of the time until the deadline. The zero value holds back
// none.
type levels struct {
	orders   []int // ascending
	at       int   // orders up to this one may begin
	until    time.Time
	deadline time.Time
}

func newLevels(nodes []*node, now, deadline time.Time) levels {
	l := levels{deadline: deadline}
	for _, n := range nodes {
		l.orders = append(l.orders, n.order)
	}
	slices.Sort(l.orders)
	l.orders = slices.Compact(l.orders)
	l.share(now)
	return l
}

// share gives the level its part of the time that is left.
func (l *levels) share(now time.Time) {
	l.until = now.Add(l.deadline.Sub(now) / time.Duration(len(l.orders)-l.at+1))
}

func (l *levels) open(n *node) bool { return len(l.orders) == 0 || n.order <= l.orders[l.at] }

func (l *levels) last() bool { return l.at >= len(l.orders)-1 }

// advance opens the next levels if all before them are over or out of time.
func (l *levels) advance(nodes []*node, now time.Time) {
	for !l.last() {
		busy := slices.ContainsFunc(nodes, func(n *node) bool { return n.state != nodeOver && l.open(n) })
		if busy && now.Before(l.until) {
			return
		}
		l.at++
		l.share(now)
	}
}
