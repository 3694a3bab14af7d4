package fleet

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/jail"
)

// node is one jail in an operation on many.
type node struct {
	jail   *jail.Jail
	wanted bool // asked for, not just needed by another
	order  int  // lower begins first
	// needs have to be over before this one begins.
	needs   []*node
	neededs []*node // the other way round
	// refused is why it cannot be begun, known before anything is.
	refused error

	waiting int // needs that are not over
	state   nodeState
	result  Result
}

type nodeState uint8

const (
	nodeWaiting nodeState = iota
	nodeBegun
	nodeOver
)

// execution runs an operation on a graph of jails: whoever has nothing to wait
// for begins, in order of priority, so many at once as there are slots. One
// goroutine decides; each jail's operation has its own.
type execution struct {
	teller
	slots int
	now   func() time.Time
	// begin does the operation; it has a slot meanwhile. settle, if not nil,
	// gives what is waited for before dependants begin, or nil; that has no slot.
	begin  func(ctx context.Context, n *node) (Outcome, error)
	settle func(n *node) func(ctx context.Context) error
	// independent lets a jail begin even if one that it waited for failed.
	independent bool
	// levels makes lower orders go before higher ones, each level at most its
	// share of the time until deadline.
	levels   bool
	deadline time.Time
	// patience, if positive, is after how long a jail's slot is given to another
	// jail too, so that a few that hang do not keep all others out.
	patience time.Duration
	// cut, if not nil, ends the run before all jails are over: those that are
	// not fail with errCut and are left behind.
	cut <-chan struct{}

	messages chan message
	ready    nodeHeap
}

type message struct {
	n       *node
	kind    messageKind
	outcome Outcome
	err     error
}

type messageKind uint8

const (
	slotFree messageKind = iota // the operation is over, or has taken very long
	nodeDone                    // all is over
)

func newExecution(o Options) *execution {
	return &execution{teller: teller{o: o}, slots: o.parallel(), now: time.Now}
}

// errCut: the time is over while a jail's operation still goes on.
var errCut = errors.New("not finished in time; it is still being worked on")

// follow hands events on and returns the operation's error.
func (e *execution) follow(n *node, ch <-chan events.IocEvent) error {
	var last error
	for ev := range ch {
		n.result.Events = append(n.result.Events, ev)
		last = ev.Head().Err
		e.event(ev)
	}
	return last
}

// run gives every node a result.
func (e *execution) run(ctx context.Context, nodes []*node) Results {
	e.messages = make(chan message, 2*len(nodes)) // no sender ever waits
	var results Results
	over := func(n *node, outcome Outcome, err error) {
		n.state = nodeOver
		r := &n.result
		r.Jail, r.Outcome, r.Err, r.Dependency = n.jail, outcome, err, !n.wanted
		if !r.Began.IsZero() {
			r.Took = e.now().Sub(r.Began)
		}
		results = append(results, *r)
		e.result(*r)
		for _, d := range n.neededs {
			if d.waiting--; d.waiting == 0 && d.state == nodeWaiting {
				heap.Push(&e.ready, d)
			}
		}
	}
	for _, n := range nodes {
		n.waiting = len(n.needs)
		for _, other := range n.needs {
			other.neededs = append(other.neededs, n)
		}
	}
	for _, n := range nodes {
		if n.waiting == 0 {
			e.ready = append(e.ready, n)
		}
	}
	heap.Init(&e.ready)
	gate := newGate(e, nodes)
	busy := 0
	for len(results) < len(nodes) {
		gate.advance(nodes)
		for len(e.ready) > 0 && busy < e.slots && gate.open(e.ready[0]) {
			n := heap.Pop(&e.ready).(*node)
			if err := e.refusal(ctx, n); err != nil {
				over(n, Failed, err)
				gate.advance(nodes)
				continue
			}
			n.state = nodeBegun
			n.result.Began = e.now()
			busy++
			go e.work(ctx, n)
		}
		if len(results) == len(nodes) {
			break
		}
		if len(e.ready) == 0 && busy == 0 && !slices.ContainsFunc(nodes, func(n *node) bool { return n.state == nodeBegun }) {
			// Nothing is on its way: what waits does so in a circle, which the
			// graph's maker should have refused.
			for _, n := range nodes {
				if n.state == nodeWaiting {
					over(n, Failed, jail.ErrCycle)
				}
			}
			break
		}
		select {
		case m := <-e.messages:
			switch m.kind {
			case slotFree:
				busy--
			case nodeDone:
				over(m.n, m.outcome, m.err)
			}
		case <-gate.timer():
		case <-e.cut:
			for _, n := range nodes {
				if n.state != nodeOver {
					n.state = nodeOver
					results = append(results, Result{
						Jail: n.jail, Outcome: Failed, Dependency: !n.wanted, Began: n.result.Began,
						Err: &jail.Error{Op: "finish", Jail: n.jail.FullName(), Err: errCut},
					})
					e.result(results[len(results)-1])
				}
			}
		}
	}
	return results
}

// refusal is why a jail whose turn it is does not begin.
func (e *execution) refusal(ctx context.Context, n *node) error {
	if n.refused != nil {
		return n.refused
	}
	if !e.independent {
		for _, other := range n.needs {
			if err := other.result.Err; err != nil {
				return &jail.DependencyError{Jail: n.jail.FullName(), On: other.jail.FullName(), Err: err}
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return &jail.Error{Op: "begin", Jail: n.jail.FullName(), Err: err}
	}
	return nil
}

func (e *execution) work(ctx context.Context, n *node) {
	var once sync.Once
	free := func() { once.Do(func() { e.messages <- message{n: n, kind: slotFree} }) }
	if e.patience > 0 {
		defer time.AfterFunc(e.patience, free).Stop()
	}
	outcome, err := e.begin(ctx, n)
	if err == nil && e.settle != nil {
		if wait := e.settle(n); wait != nil {
			free()
			err = wait(ctx)
		}
	}
	if err != nil {
		outcome = Failed
	}
	// In this order: its dependants come before others that want the slot.
	e.messages <- message{n: n, kind: nodeDone, outcome: outcome, err: err}
	free()
}

// gate holds back the nodes of higher levels.
type gate struct {
	e      *execution
	levels []int // the orders there are, ascending
	at     int   // levels up to this one may begin
	until  time.Time
}

func newGate(e *execution, nodes []*node) *gate {
	g := &gate{e: e}
	if !e.levels {
		return g
	}
	for _, n := range nodes {
		g.levels = append(g.levels, n.order)
	}
	slices.Sort(g.levels)
	g.levels = slices.Compact(g.levels)
	g.share()
	return g
}

// share gives the level its part of what is left of the time.
func (g *gate) share() {
	if g.e.deadline.IsZero() {
		return
	}
	now := time.Now()
	left := g.e.deadline.Sub(now)
	g.until = now.Add(left / time.Duration(len(g.levels)-g.at+1))
}

func (g *gate) open(n *node) bool { return len(g.levels) == 0 || n.order <= g.levels[g.at] }

// advance opens the next levels when all before them are over or out of time.
func (g *gate) advance(nodes []*node) {
	for g.at < len(g.levels)-1 {
		over := !slices.ContainsFunc(nodes, func(n *node) bool { return n.state != nodeOver && g.open(n) })
		if !over && (g.until.IsZero() || time.Now().Before(g.until)) {
			return
		}
		g.at++
		g.share()
	}
}

func (g *gate) timer() <-chan time.Time {
	if g.at >= len(g.levels)-1 || g.until.IsZero() {
		return nil
	}
	return time.After(time.Until(g.until))
}

// nodeHeap has the node that begins next on top.
type nodeHeap []*node

func (h nodeHeap) Len() int { return len(h) }
func (h nodeHeap) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[i].order, h[j].order), strings.Compare(h[i].jail.FullName(), h[j].jail.FullName())) < 0
}
func (h nodeHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *nodeHeap) Push(n any)   { *h = append(*h, n.(*node)) }
func (h *nodeHeap) Pop() any {
	old := *h
	n := old[len(old)-1]
	*h = old[:len(old)-1]
	return n
}
