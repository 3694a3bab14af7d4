package events

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// work is an operation of n steps below one span, each with a flood of progress
// and output. It needs room for 2*(n+1) transitions.
func work(op *Operation, n int, pause func()) {
	top := op.Begin(JailStart{Jail: "web"})
	for i := range n {
		s := top.Begin(JailHookStart{Jail: "web", Command: fmt.Sprint(i)})
		for j := range 100 {
			s.Progress(JailHookStart{Jail: "web", Command: fmt.Sprint(i), ExitCode: j})
			s.Progress(JailHookOutput{Jail: "web", Hook: "start", Stream: "stdout", Data: "line\n"})
		}
		pause()
		s.Done("")
	}
	top.Done("")
	op.Close(nil)
}

// transitions of all, and how many optional events were sent or merged.
func count(all []IocEvent) (transitions, optional int) {
	begun := map[uint64]bool{}
	for _, e := range all {
		h := e.Head()
		optional += h.Merged
		switch {
		case TypeOf(e) == "JailHookOutput", h.State == Pending && begun[h.ID]:
			optional++
		default:
			transitions++
		}
		begun[h.ID] = true
	}
	return transitions, optional
}

// Whatever the reader does, all transitions come, in order, and every optional
// event is either there or counted.
func TestReaders(t *testing.T) {
	const steps = 20
	const room = 2 * (steps + 1)
	readers := map[string]func(*Operation) []IocEvent{
		"fast": func(op *Operation) []IocEvent {
			go work(op, steps, runtime.Gosched)
			all, _ := Collect(context.Background(), op.Events())
			return all
		},
		"slow": func(op *Operation) []IocEvent {
			go work(op, steps, runtime.Gosched)
			var all []IocEvent
			for e := range op.Events() {
				time.Sleep(100 * time.Microsecond)
				all = append(all, e)
			}
			return all
		},
		"late": func(op *Operation) []IocEvent {
			work(op, steps, func() {}) // would hang here if it could block
			return drain(t, op)
		},
		"pausing": func(op *Operation) []IocEvent {
			var all []IocEvent
			work(op, steps, func() { all = append(all, <-op.Events()) })
			return append(all, drain(t, op)...)
		},
	}
	for name, read := range readers {
		for _, slack := range []int{-1, 1, 16, 5000} {
			if testing.Short() && slack == 5000 {
				continue // some seconds
			}
			t.Run(fmt.Sprintf("%s/slack %d", name, slack), func(t *testing.T) {
				all := read(NewOperation(Options{Room: room, Slack: slack, Sample: -1}))
				checkOrder(t, all)
				transitions, optional := count(all)
				if transitions != room || optional != steps*200 {
					t.Errorf("%d transitions, %d optional events reported; want %d, %d", transitions, optional, room, steps*200)
				}
				for _, e := range all {
					// The newest progress survives in the final event.
					if h, ok := e.(JailHookStart); ok && h.State == Done && h.ExitCode != 99 {
						t.Errorf("final event has the progress %d", h.ExitCode)
					}
				}
			})
		}
	}
}

// With room, nothing is merged at all.
func TestReaderWithRoomForAllSeesAll(t *testing.T) {
	op := NewOperation(Options{Room: 6, Slack: 400, Sample: -1})
	work(op, 2, func() {})
	all := drain(t, op)
	if len(all) != 406 {
		t.Errorf("%d events", len(all))
	}
	for i, e := range all {
		if e.Head().Merged != 0 {
			t.Errorf("event %d: %d merged", i, e.Head().Merged)
		}
	}
}

// A reader that stops reading changes nothing for the operation.
func TestVanishedReader(t *testing.T) {
	op := NewOperation(Options{Room: 42, Sample: -1})
	ctx, cancel := context.WithCancelCause(context.Background())
	gone := make(chan struct{})
	var seen []IocEvent
	go func() {
		defer close(gone)
		var err error
		if seen, err = Collect(ctx, op.Events()); err != errBoom {
			t.Errorf("Collect: %v", err)
		}
	}()
	steps := 0
	work(op, 20, func() {
		if steps++; steps == 5 {
			cancel(errBoom)
			<-gone
		}
	})
	if steps != 20 {
		t.Errorf("ran %d of 20 steps", steps)
	}
	all := append(seen, drain(t, op)...)
	checkOrder(t, all)
	if n, _ := count(all); n != 42 {
		t.Errorf("%d transitions", n)
	}
}

// An abandoned operation is garbage, whether it was closed or not.
func TestAbandonedOperationsLeakNothing(t *testing.T) {
	const operations = 1000
	goroutines := runtime.NumGoroutine()
	var mu sync.Mutex
	freed := 0
	before := heap()
	for i := range operations {
		op := NewOperation(Options{Room: 2, Sample: -1})
		runtime.AddCleanup(op, func(int) { mu.Lock(); freed++; mu.Unlock() }, 0)
		if i%2 == 0 {
			work(op, 5, func() {}) // far more than its room
		} else {
			op.Begin(JailStart{}).Begin(JailAttach{}).Progress(JailHookOutput{Data: "x"})
		}
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		t.Errorf("%d goroutines, %d before", n, goroutines)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		runtime.GC()
		mu.Lock()
		n := freed
		mu.Unlock()
		if n == operations {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d operations were freed", n, operations)
		}
	}
	if after := heap(); after > before+1<<20 {
		t.Errorf("heap grew from %d to %d bytes", before, after)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// What an operation holds does not depend on how much it sends.
func TestMemoryIsBounded(t *testing.T) {
	op := NewOperation(Options{Room: 2, Sample: -1})
	top := op.Begin(JailStart{})
	flood := func(n int) {
		for range n {
			s := top.Begin(JailHookStart{})
			s.Progress(JailHookOutput{Hook: "start", Stream: "stdout", Data: string(make([]byte, 1000))})
			s.Done("")
		}
		for range n {
			top.Progress(JailHookOutput{Hook: "start", Stream: "stdout", Data: string(make([]byte, 1000))})
		}
	}
	flood(1000)
	before := heap()
	flood(5000)
	if after := heap(); after > before+64<<10 {
		t.Errorf("heap grew from %d to %d bytes", before, after)
	}
	top.Done("")
	op.Close(nil)
	all := drain(t, op)
	if last := all[len(all)-1]; TypeOf(last) != "JailStart" || last.Head().State != Done {
		t.Errorf("last event %s", Line(last))
	}
}

// Many goroutines, some spans forgotten, some closed twice, one reader.
func TestConcurrentSenders(t *testing.T) {
	const senders, steps = 16, 20
	op := NewOperation(Options{Room: 2 * senders * (steps + 1), Slack: 8, Sample: -1})
	var wg sync.WaitGroup
	for g := range senders {
		wg.Go(func() {
			top := op.Begin(JailStart{Jail: fmt.Sprint(g)})
			var inner sync.WaitGroup
			for i := range steps {
				inner.Go(func() {
					s := top.Begin(JailHookStart{})
					s.Progress(JailHookStart{ExitCode: i})
					s.Progress(JailHookOutput{Data: "x"})
					if i%5 != 0 {
						s.Done("")
						if err := s.Skip(""); err != ErrFinished {
							t.Errorf("second final transition: %v", err)
						}
					}
				})
			}
			inner.Wait()
			if g%2 == 0 {
				top.Done("")
			}
		})
	}
	go func() {
		wg.Wait()
		op.Close(errBoom)
	}()
	all, err := Collect(context.Background(), op.Events())
	if err != errBoom {
		t.Errorf("error %v", err)
	}
	checkOrder(t, all)
	transitions, optional := count(all)
	if transitions != 2*senders*(steps+1) || optional != 2*senders*steps {
		t.Errorf("%d transitions, %d optional events", transitions, optional)
	}
}

// Close may come while others still send.
func TestCloseWhileSending(t *testing.T) {
	for range 50 {
		op := NewOperation(Options{Slack: 4})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					s := op.Begin(JailStart{})
					s.Progress(JailHookOutput{})
					if err := s.Done(""); errors.Is(err, ErrClosed) {
						return
					}
				}
			})
		}
		runtime.Gosched()
		op.Close(errBoom)
		wg.Wait()
		if _, err := Collect(context.Background(), op.Events()); err != errBoom {
			t.Fatalf("error %v", err)
		}
	}
}

// Transitions beyond the room: what a reader gets and what Overflow counts are
// all there were, in order, and the last event survives.
func TestBeyondTheRoom(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	overflows := 0
	for round := range 500 {
		room, slack, steps, reading := rng.IntN(10), rng.IntN(6)-1, rng.IntN(60), rng.IntN(4)
		op := NewOperation(Options{Room: room, Slack: slack, Sample: -1})
		var all []IocEvent
		read := func() {
			for range rng.IntN(reading + 1) {
				select {
				case e := <-op.Events():
					all = append(all, e)
				default:
				}
			}
		}
		top := op.Begin(JailStart{})
		for range steps {
			s := top.Begin(MountDevFS{})
			read()
			s.Progress(MountDevFS{Ruleset: 4})
			s.Done("")
			read()
		}
		op.Close(errBoom)
		all = append(all, drain(t, op)...)

		sent, missed, lastID := 0, 0, uint64(0)
		begun := map[uint64]bool{}
		for _, e := range all {
			h := e.Head()
			if o, ok := e.(Overflow); ok {
				overflows++
				missed += o.Missed
				if o.Missed < 1 || h.State != Done {
					t.Errorf("round %d: %+v", round, o)
				}
				continue
			}
			if h.State == Pending && begun[h.ID] {
				continue // progress
			}
			sent++
			if h.ID < lastID && TypeOf(e) != "JailStart" {
				t.Errorf("round %d: span %d after %d", round, h.ID, lastID)
			}
			begun[h.ID], lastID = true, h.ID
		}
		if want := 2 * (steps + 1); sent+missed != want {
			t.Fatalf("round %d: %d sent and %d missed of %d", round, sent, missed, want)
		}
		if 2*(steps+1) <= room && missed > 0 {
			t.Errorf("round %d: missed %d of the promised room", round, missed)
		}
		last := all[len(all)-1]
		if TypeOf(last) != "JailStart" || last.Head().Err != errBoom {
			t.Fatalf("round %d: last event %s", round, Line(last))
		}
	}
	if overflows < 50 {
		t.Errorf("only %d overflows: the test does not test", overflows)
	}
}

// A reader that keeps up gets everything without any room promised.
func TestBeyondTheRoomWithReader(t *testing.T) {
	op := NewOperation(Options{Slack: 2})
	var all []IocEvent
	for range 100 {
		s := op.Begin(JailStart{})
		s.Done("")
		for len(op.Events()) > 0 {
			all = append(all, <-op.Events())
		}
	}
	op.Close(nil)
	all = append(all, drain(t, op)...)
	if i := slices.IndexFunc(all, func(e IocEvent) bool { return TypeOf(e) == "Overflow" }); i >= 0 {
		t.Errorf("event %d is an overflow", i)
	}
	checkOrder(t, all)
	if n, _ := count(all); n != 200 {
		t.Errorf("%d transitions", n)
	}
}

// Grow keeps the slack free for transitions that come later.
func TestGrow(t *testing.T) {
	for grow, missing := range map[int]bool{0: true, 20: false, -5: true} {
		op := NewOperation(Options{Room: 2, Slack: 20, Sample: -1})
		s := op.Begin(JailStart{})
		op.Grow(grow)
		for range 100 {
			s.Progress(JailStart{})
		}
		for range 10 {
			s.Begin(MountDevFS{}).Done("")
		}
		s.Done("")
		op.Close(nil)
		all := drain(t, op)
		missed := slices.ContainsFunc(all, func(e IocEvent) bool { return TypeOf(e) == "Overflow" })
		if missed != missing {
			t.Errorf("Grow(%d): missed is %v", grow, missed)
		}
	}
}
