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
)

// SupervisorOptions say how jails are supervised.
type SupervisorOptions struct {
	// Watch is how changes of jails are noticed. Its Interval is also the time between
	// two looks at the processes of a jail with a restart policy.
	Watch WatchOptions
	// Parallel is how many checks and restarts run at once; default 8.
	Parallel int
	// Start and Stop are how a jail is restarted. Stop's Force is set.
	Start jail.StartOptions
	Stop  jail.StopOptions
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
	SupervisionRestart   SupervisionKind = "restarting" // it will be started again after Delay
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

// Supervisor looks after the jails that have a health probe ([jail.HealthKey]) or
// a restart policy ([RestartKey]): it makes the checks while they run and starts
// them again as the policy says, also those whose run had ended before it began.
// Checks have a timeout, restarts a growing pause and a number of tries. It keeps no
// state beyond its end, which stops no jail.
type Supervisor struct {
	host  *host.Host
	o     SupervisorOptions
	slots chan struct{}

	mu      sync.Mutex
	keepers map[string]*keeper // by full name
	held    map[string]bool

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
	o.Stop.Force = true
	return &Supervisor{
		host: h, o: o, slots: make(chan struct{}, o.Parallel),
		keepers: map[string]*keeper{}, held: map[string]bool{},
	}
}

// Run looks after the jails until the context ends, and returns its error, or the
// one that ended the watch; a panic of what it calls is an error too. All that it began is over when it returns.
func (s *Supervisor) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel(nil)
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
			running.Go(func() {
				if err := catch.Panic(func() error { k.run(ctx); return nil }); err != nil {
					cancel(err)
				}
			})
		}
		k.note(c)
		if c.Kind == ChangeDestroyed {
			delete(s.keepers, c.Jail)
		}
		s.mu.Unlock()
	}
	return ctx.Err()
}

// Hold leaves a jail alone until Release: it is neither checked nor restarted.
// A program that stops a jail on purpose holds it first.
func (s *Supervisor) Hold(j *jail.Jail) { s.hold(j, true) }

// Release ends a Hold.
func (s *Supervisor) Release(j *jail.Jail) { s.hold(j, false) }

func (s *Supervisor) hold(j *jail.Jail, held bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if held {
		s.held[j.FullName()] = true
	} else {
		delete(s.held, j.FullName())
	}
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

// restart stops what is left of the jail and starts it.
func (s *Supervisor) restart(ctx context.Context, name string) error {
	free, err := s.slot(ctx)
	if err != nil {
		return err
	}
	defer free()
	j, err := jail.Load(ctx, s.host, name)
	if err != nil {
		return err
	}
	if _, err := j.Stop(ctx, s.o.Stop); err != nil && !errors.Is(err, jail.ErrNotRunning) {
		return err
	}
	_, err = j.Start(ctx, s.o.Start)
	return err
}
