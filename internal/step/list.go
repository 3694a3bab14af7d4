package step

import (
	"slices"

	"github.com/libioc/go-libioc/internal/plan"
)

// List is a list of steps in the making. It keeps the first error.
type List struct {
	steps  []plan.Step
	commit int
	left   bool
	twice  bool
	err    error
}

// Add appends steps.
func (l *List) Add(actions ...plan.Action[Env]) {
	for _, a := range actions {
		l.steps = append(l.steps, plan.StepOf(a))
	}
}

// Append appends the steps that a function returned, or keeps its error.
func (l *List) Append(steps []plan.Step, err error) {
	if l.err == nil {
		l.steps, l.err = append(l.steps, steps...), err
	}
}

// Fail keeps an error, if it is the first.
func (l *List) Fail(err error) { l.Append(nil, err) }

// Has reports whether there is a step of a kind.
func (l *List) Has(kind string) bool {
	return slices.ContainsFunc(l.steps, func(s plan.Step) bool { return s.Kind == kind })
}

// Commit puts the plan's commit point after the steps so far.
func (l *List) Commit() { l.commit = len(l.steps) }

// Abandon makes what fails after the commit point the caller's to try again: no
// journal is kept for it.
func (l *List) Abandon() { l.left = true }

// Repeatable marks steps that may run twice: see plan.Plan.
func (l *List) Repeatable() { l.twice = true }

// Steps returns the steps, or the first error.
func (l *List) Steps() ([]plan.Step, error) {
	if l.err != nil {
		return nil, l.err
	}
	return l.steps, nil
}

// Plan returns the plan of an operation on subject that has these steps, or the
// first error; a name that ZFS cannot have is zfsstore.ErrInvalidName. Without Commit it
// only goes forward, from its first step on.
func (l *List) Plan(operation, subject string, print map[string]string) (*plan.Plan, error) {
	l.Fail(checkNames(l.steps))
	if l.err != nil {
		return nil, l.err
	}
	return &plan.Plan{
		Operation: operation, Subject: subject, Steps: l.steps, Commit: l.commit,
		Abandon: l.left, Repeatable: l.twice, Fingerprint: print,
	}, nil
}
