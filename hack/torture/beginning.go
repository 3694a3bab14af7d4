package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/libioc/go-libioc/internal/hosttest"
)

// beginning is what becomes of the jails before the programs of a round start. Without
// it the administrator's own datasets would soon be in the place of each jail, and
// operations would find nothing to do.
type beginning [4]readiness // of names

// readiness is how far a jail is made ready. One that exists, because a former round
// has left it, stays.
type readiness int

const (
	asItIs readiness = iota
	created
	running
	withSnapshot // and running
)

func drawBeginning(r *rand.Rand) (b beginning) {
	for i := range b {
		b[i] = readiness(r.IntN(int(withSnapshot) + 1))
	}
	return b
}

// make makes the jails ready. What is in the way of one is the hand's to take away.
func (b beginning) make(ctx context.Context, m *machine, hand *hosttest.Hand) error {
	for i, name := range names {
		wanted := []string{"create", "start", "snapshot"}[:b[i]]
		if len(wanted) > 0 {
			if err := hand.GiveWay(ctx, name); !expects(err) {
				return fmt.Errorf("give way to %s: %w", name, err)
			}
		}
		for _, kind := range wanted {
			op := operation{kind: kindNamed(kind), name: name, snapshot: "s0", yes: i%2 == 0, wait: true}
			if err := op.run(ctx, m); !expects(err) {
				return fmt.Errorf("%v: %w", op, err)
			}
		}
	}
	return nil
}

func kindNamed(name string) int {
	for i, k := range kinds {
		if k.name == name {
			return i
		}
	}
	panic("no operation " + name)
}
