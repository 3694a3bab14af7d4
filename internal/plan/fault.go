package plan

import (
	"context"
	"errors"
)

// Point is a place in a run where a test may let something go wrong.
type Point struct {
	Phase string // "do", "done", "undo" or "undone": before and after each
	Index int    // the step, counted from the first plan's
	Step  Step
}

// ErrCrash, returned by a fault, ends the run as a kill would: nothing is
// undone and the journal stays as it is.
var ErrCrash = errors.New("crashed")

type faultKey struct{}

// beforeKey is the number of steps of the plans that were done before this one.
type beforeKey struct{}

// WithFault makes runs under ctx call fault at every point; an error it returns
// is the error of that step or undo.
func WithFault(ctx context.Context, fault func(Point) error) context.Context {
	return context.WithValue(ctx, faultKey{}, fault)
}

type writeFaultKey struct{}

// WithWriteFault makes runs under ctx call fault before every line of a journal and
// every mark, whose error it is then.
func WithWriteFault(ctx context.Context, fault func() error) context.Context {
	return context.WithValue(ctx, writeFaultKey{}, fault)
}

// writing returns the fault of WithWriteFault, or nil.
func writing(ctx context.Context) func() error {
	f, _ := ctx.Value(writeFaultKey{}).(func() error)
	return f
}

// WriteFault returns the error with which a write fails in a test, see WithWriteFault.
func WriteFault(ctx context.Context) error {
	if f := writing(ctx); f != nil {
		return f()
	}
	return nil
}

func fault(ctx context.Context, phase string, index int, s Step) error {
	if f, ok := ctx.Value(faultKey{}).(func(Point) error); ok {
		before, _ := ctx.Value(beforeKey{}).(int)
		return f(Point{phase, before + index, s})
	}
	return nil
}
