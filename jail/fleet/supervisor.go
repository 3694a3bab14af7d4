package fleet

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/catch"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// SupervisorOptions say how jails are supervised.
type SupervisorOptions struct {
	// Watch is how changes of jails are noticed. Its Interval is also the time between
	// two looks at the processes of the jails with a restart policy, which take one
	// reading of the process table for all of them.
	Watch WatchOptions
	// Parallel is how many checks and restarts run at once; default 8.
	Parallel int
	// Restart is how a jail is restarted. Shutdown, Force and Confirm are set.
	Restart jail.RestartOptions
	// Report is called with what happens, one call at a time. It should not take
	// long: checks wait for it.
	Report func(Supervision)
}

// SupervisionKind is a kind of Supervision.
type SupervisionKind string

// The kinds of Supervision.
const (
	SupervisionHealthy   SupervisionKind = "healthy"    // the probe succeeds, first or again
	SupervisionUnhealthy SupervisionKind = "unhealthy"  // it has failed as often as the probe says
	SupervisionEnded     SupervisionKind = "ended"      // the jail, or its last process, has ended
	SupervisionRestart   SupervisionKind = "restarting" // it will be started again after Delay, if it still needs that
	SupervisionRestarted SupervisionKind = "restarted"
	SupervisionFailed    SupervisionKind = "failed"   // the restart failed, or a property cannot be understood
	SupervisionGivenUp   SupervisionKind = "given up" // the policy allows no more tries
)

// Supervision is one thing that a Supervisor found or did.
type Supervision struct {
	Kind  SupervisionKind
	Jail  string // full name
	Err   error  // of unhealthy and failed
	Try   int    // of a restart, from 1
	Delay time.Duration
}

// Supervisor looks after the jails that have a health probe (user.health) or
// a restart policy (user.restart): it makes the checks while they run and starts
// them again as the policy says, also those whose run had ended before it began.
// Checks have a timeout, restarts a growing pause and a number of tries. It keeps no
// state beyond its end, which stops no jail.
//
// It restarts the run that it has judged and no other: if during the pause the jail was
// stopped, started, held or destroyed, is well again or has another policy, it is
// judged anew. This is checked under the jail's lock.
type Supervisor struct {
	host  *host.Host
	o     SupervisorOptions
	slots chan struct{}

	mu       sync.Mutex
	keepers  map[string]*keeper // by full name
	held     map[string]bool
	restarts map[string]chan struct{} // under way; closed at their end

	reporting sync.Mutex
}

// NewSupervisor returns a supervisor for the jails of a host.
func NewSupervisor(h *host.Host, o SupervisorOptions) *Supervisor {
	if o.Parallel <= 0 {
		o.Parallel = 8
	}
	if o.Watch.Interval <= 0 {
		o.Watch.Interval = time.Second
	}
	o.Restart.Shutdown, o.Restart.Force = true, true
	return &Supervisor{
		host: h, o: o, slots: make(chan struct{}, o.Parallel),
		keepers: map[string]*keeper{}, held: map[string]bool{}, restarts: map[string]chan struct{}{},
	}
}

// Run looks after the jails until the context ends, and returns its error, or the
// one that ended the watch; a panic of what it calls is an error too. All that it began
// is over when it returns: a restart under way is undone, or finished once the jail
// has been stopped.
func (s *Supervisor) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel(nil)
	start := func(f func(ctx context.Context)) {
		running.Go(func() {
			if err := catch.Panic(func() error { f(ctx); return nil }); err != nil {
				cancel(err)
			}
		})
	}
	start(s.lookAtProcesses)
	for c, err := range s.o.Watch.Watch(ctx, s.host) {
		if err != nil {
			if p, ok := errors.AsType[*catch.PanicError](context.Cause(ctx)); ok {
				return p
			}
			return err
		}
		if c.Foreign || c.Kind == ChangeSnapshot {
			continue
		}
		s.mu.Lock()
		k := s.keepers[c.Jail]
		if k == nil {
			k = &keeper{s: s, name: c.Jail, kick: make(chan struct{}, 1), news: news{reload: true}}
			s.keepers[c.Jail] = k
			start(k.run)
		}
		k.note(c)
		if c.Kind == ChangeDestroyed {
			delete(s.keepers, c.Jail)
		}
		s.mu.Unlock()
	}
	return ctx.Err()
}

// Hold leaves a jail alone until Release: it is neither checked nor restarted. A
// program that stops a jail on purpose holds it first. Hold waits for a restart that is
// under way; no other begins. The error is the context's; the jail is held nevertheless.
func (s *Supervisor) Hold(ctx context.Context, j *jail.Jail) error {
	s.mu.Lock()
	s.held[j.FullName()] = true
	restart := s.restarts[j.FullName()]
	s.wake(j)
	s.mu.Unlock()
	if restart == nil {
		return nil
	}
	select {
	case <-restart:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Release ends a Hold. The jail is judged anew and has all its tries.
func (s *Supervisor) Release(j *jail.Jail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, j.FullName())
	s.wake(j)
}

// wake lets the jail's keeper decide again; s.mu is locked.
func (s *Supervisor) wake(j *jail.Jail) {
	if k := s.keepers[j.FullName()]; k != nil {
		k.wake()
	}
}

func (s *Supervisor) isHeld(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[name]
}

// Jails returns the full names of the jails that the supervisor knows, sorted.
func (s *Supervisor) Jails() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.keepers))
}

func (s *Supervisor) report(e Supervision) {
	if s.o.Report != nil {
		s.reporting.Lock()
		defer s.reporting.Unlock()
		s.o.Report(e)
	}
}

// slot waits for one of the places for checks and restarts.
func (s *Supervisor) slot(ctx context.Context) (free func(), err error) {
	select {
	case s.slots <- struct{}{}:
		return func() { <-s.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// restart restarts the jail if it is not held and confirm, called under the jail's
// lock, has nothing against it.
func (s *Supervisor) restart(ctx context.Context, j *jail.Jail, confirm func(context.Context, *jail.Jail, kernel.Identity) error) error {
	free, err := s.slot(ctx)
	if err != nil {
		return err
	}
	defer free()
	end, ok := s.underWay(j.FullName())
	if !ok {
		return errMoot
	}
	defer end()
	o := s.o.Restart
	o.Confirm = confirm
	_, err = j.Restart(ctx, o)
	return err
}

// underWay notes a restart that begins, for Hold, unless the jail is held.
func (s *Supervisor) underWay(name string) (end func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[name] {
		return nil, false
	}
	over := make(chan struct{})
	s.restarts[name] = over
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.restarts, name)
		close(over)
	}, true
}
