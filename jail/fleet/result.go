package fleet

import (
	"errors"
	"slices"
	"time"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/jail"
)

// Outcome is how the operation on one of many jails ended.
type Outcome uint8

// The outcomes.
const (
	// Done: the operation was done on this jail.
	Done Outcome = iota + 1
	// Passed: there was nothing to do, such as to start a jail that runs.
	Passed
	// Failed: the operation failed, or was not begun because of another jail or
	// the context. Result.Err says why.
	Failed
	// RolledBack: the operation was done and undone again, because the jails it
	// was done for failed. Result.Err says why.
	RolledBack
)

func (o Outcome) String() string {
	names := [...]string{"invalid", "done", "passed", "failed", "rolled back"}
	if int(o) < len(names) {
		return names[o]
	}
	return names[0]
}

// Result is the result of one jail.
type Result struct {
	Jail    *jail.Jail
	Outcome Outcome
	Err     error // nil if Done or Passed
	// Dependency reports that the jail was not asked for: others depend on it.
	Dependency bool
	Events     []events.IocEvent
	Began      time.Time     // zero if nothing was begun
	Took       time.Duration // until it was done; of a start, until it was ready
	Note       string        // why it was passed over
}

// Results has one Result for each jail, in the order in which they ended.
type Results []Result

// Err joins the errors of all jails; nil if none failed.
func (r Results) Err() error {
	var all []error
	for _, one := range r {
		all = append(all, one.Err)
	}
	return errors.Join(all...)
}

// Failed returns the results with an error.
func (r Results) Failed() Results {
	return slices.DeleteFunc(slices.Clone(r), func(one Result) bool { return one.Err == nil })
}

// Of returns the result of the jail with this full name.
func (r Results) Of(fullName string) (Result, bool) {
	for _, one := range r {
		if one.Jail.FullName() == fullName {
			return one, true
		}
	}
	return Result{}, false
}
