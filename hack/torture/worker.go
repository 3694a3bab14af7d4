package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/libioc/go-libioc/internal/hosttest"
)

// The words that begin a line of a worker.
const (
	begun      = "begun"
	ended      = "ended"
	doneByHand = "by hand:"
	unexpected = "unexpected:"
)

// lifetime ends a worker that nobody kills.
const lifetime = 5 * time.Minute

// work is what a worker does until it is killed: programs that do operations, each
// in its own order, and an administrator beside them.
func work(ctx context.Context, w io.Writer, o options) (err error) {
	ctx, cancel := context.WithTimeout(ctx, lifetime)
	defer cancel()
	m, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	out := &lines{w: w}
	var group sync.WaitGroup
	if o.byHand {
		hand, err := m.hand(ctx, o)
		if err != nil {
			return err
		}
		group.Go(func() { byHand(ctx, hand, o.life, out) })
	}
	for n := range o.programs {
		group.Go(func() {
			r := rand.New(rand.NewPCG(o.life, uint64(n)))
			for ctx.Err() == nil {
				op := drawOperation(r)
				out.say("%s %d: %s", begun, n, op)
				err := op.run(ctx, m)
				out.say("%s %d: %s: %v", ended, n, op, err)
				if !expects(err) && ctx.Err() == nil {
					out.say("%s %s: %v", unexpected, op, err)
				}
			}
		})
	}
	group.Wait()
	return nil
}

// byHand lets the administrator act until the context ends.
func byHand(ctx context.Context, hand *hosttest.Hand, seed uint64, out *lines) {
	r := rand.New(rand.NewPCG(seed, 1<<32))
	for ctx.Err() == nil {
		// An act is not cut off: what is half done would look lost.
		what, err := hand.Do(context.WithoutCancel(ctx), hosttest.DrawAct(r))
		out.say("%s %s", doneByHand, what)
		if err != nil {
			out.say("%s %s %s: %v", unexpected, doneByHand, what, err)
		}
		time.Sleep(time.Duration(r.IntN(20_000)) * time.Microsecond)
	}
}

// lines writes whole lines for several goroutines.
type lines struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lines) say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintln(l.w, strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "; "))
}
