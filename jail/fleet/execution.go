package fleet

import (
	"context"
	"sync"
	"time"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/catch"
	"github.com/libioc/go-libioc/jail"
)

// execution runs an operation on a graph of jails, in the order that a schedule
// decides. Each jail's operation has its own goroutine.
type execution struct {
	*callbacks
	o   Options
	now func() time.Time // of the host, for results
	// begin runs the operation of one jail, which takes a slot. settle, if not nil,
	// returns what is waited for before dependants begin, or nil; that takes none.
	begin  func(ctx context.Context, n *node) report
	settle func(n *node, r report) func(ctx context.Context) error
	// independent lets a jail begin although one that it waited for has failed.
	independent bool
	// budget, if not zero, makes lower orders go before higher ones.
	budget budget
	// cut, if not nil, ends the run before all jails are over: those that are not
	// fail with errCut and are left behind.
	cut <-chan struct{}
}

func newExecution(o Options, now func() time.Time) *execution {
	return &execution{callbacks: &callbacks{}, o: o, now: now}
}

// run gives every node a result.
func (e *execution) run(ctx context.Context, nodes []*node) Results {
	var results Results
	s := newSchedule(nodes, e.o.parallel())
	s.independent = e.independent
	if !e.budget.soft.IsZero() {
		s.levels = newLevels(nodes, time.Now(), e.budget.soft)
	}
	messages := make(chan message, 3*len(nodes)) // no sender ever waits
	for m := (message{}); ; {
		m.now, m.ended = time.Now(), ctx.Err()
		for _, a := range s.next(m) {
			if a.begin {
				a.node.result.Began = e.now()
				go e.work(ctx, a.node, messages)
				continue
			}
			results = append(results, a.node.result)
			e.result(a.node.result)
		}
		if len(results) == len(nodes) {
			return results
		}
		var level <-chan time.Time
		if !s.levels.last() {
			level = time.After(time.Until(s.levels.until))
		}
		select {
		case m = <-messages:
			if m.kind == workDone {
				m.node.result.Took = e.now().Sub(m.node.result.Began)
			}
		case <-level:
			m = message{kind: levelOver}
		case <-e.cut:
			m = message{kind: timeOver}
		}
	}
}

// work runs the operation of one jail.
func (e *execution) work(ctx context.Context, n *node, messages chan<- message) {
	free := func() { messages <- message{kind: slotFreed, node: n} }
	if e.budget.patience > 0 {
		defer time.AfterFunc(e.budget.patience, free).Stop()
	}
	var r report
	r.err = catch.Panic(func() error {
		r = e.begin(ctx, n)
		if r.err == nil && e.settle != nil {
			if wait := e.settle(n, r); wait != nil {
				free()
				return wait(ctx)
			}
		}
		return r.err
	})
	if r.err != nil {
		r.outcome = Failed
	}
	messages <- message{kind: workDone, node: n, report: r}
}

// follow runs an operation and hands its events on.
func (e *execution) follow(ctx context.Context, op *jail.Operation) report {
	r := report{outcome: Done}
	for ev := range op.Events(ctx) {
		r.events = append(r.events, ev)
		r.err = ev.Head().Err
		e.event(ev)
	}
	return r
}

func (e *execution) event(ev events.IocEvent) {
	if e.o.OnEvent != nil {
		e.call(func() { e.o.OnEvent(ev) })
	}
}

func (e *execution) result(r Result) {
	if e.o.OnResult != nil {
		e.call(func() { e.o.OnResult(r) })
	}
}

// callbacks calls the caller's functions one at a time, and not after end.
type callbacks struct {
	mu    sync.Mutex
	ended bool
}

func (c *callbacks) call(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		f()
	}
}

func (c *callbacks) end() { c.call(func() { c.ended = true }) }
