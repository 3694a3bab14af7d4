package fleet

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// ward is one jail that a Supervisor looks after. Its own goroutine decides;
// the supervisor only notes what the watch tells.
type ward struct {
	s    *Supervisor
	name string
	kick chan struct{}

	mu       sync.Mutex
	identity kernel.Identity
	ended    kernel.Identity // the last life that did
	ran      bool            // it has been up since the supervisor knows it
	died     bool            // its last process has ended
	reload   bool            // its configuration may have changed
	gone     bool            // it was destroyed

	// The goroutine's own.
	jail     *jail.Jail
	probe    jail.Probe
	policy   RestartPolicy
	seen     kernel.Identity // the life that the checks are of
	since    time.Time       // when it was seen first
	failures int
	healthy  bool
	tries    int
	givenUp  bool
}

func (w *ward) note(c Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch c.Kind {
	case ChangeThere, ChangeStarted:
		w.identity, w.died = c.Identity, false
		w.ran = w.ran || !c.Identity.IsZero()
	case ChangeStopped:
		w.identity, w.died, w.ended = kernel.Identity{}, false, c.Identity
	case ChangeDied:
		w.died = w.identity == c.Identity
	case ChangeConfig, ChangeCreated:
		w.reload = true
	case ChangeDestroyed:
		w.gone = true
	}
	w.wake()
}

func (w *ward) wake() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// now is what the watch has told.
func (w *ward) now() (id kernel.Identity, ran, died, reload, gone bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	reload, w.reload = w.reload, false
	return w.identity, w.ran, w.died, reload, w.gone
}

func (w *ward) run(ctx context.Context) {
	for ctx.Err() == nil {
		id, ran, died, reload, gone := w.now()
		if gone {
			return
		}
		if reload {
			w.load(ctx)
		}
		if id != w.seen {
			if id.IsZero() && w.policy.When != RestartNever {
				w.s.report(Supervision{Kind: SupervisionEnded, Jail: w.name})
			}
			w.seen, w.since, w.failures, w.healthy = id, time.Now(), 0, false
		}
		up := !id.IsZero()
		if up && time.Since(w.since) > w.policy.Max {
			w.tries = 0
		}
		switch {
		case w.jail == nil || w.s.isHeld(w.name):
			w.pause(ctx, 0)
		case up && died && w.policy.When != RestartNever:
			w.s.report(Supervision{Kind: SupervisionEnded, Jail: w.name})
			w.again(ctx)
		case !up && ran && w.policy.When == RestartAlways:
			w.again(ctx)
		case up && len(w.probe.Checks) > 0:
			if w.pause(ctx, w.probe.Interval) {
				w.check(ctx)
			}
		default:
			w.pause(ctx, 0)
		}
	}
}

// load reads the properties anew; a jail that was given up gets a new chance.
func (w *ward) load(ctx context.Context) {
	w.jail, w.tries, w.givenUp = nil, 0, false
	j, err := jail.Load(ctx, w.s.host, w.name)
	if err == nil {
		w.probe, err = j.HealthProbe()
	}
	if err == nil {
		w.policy, err = ParseRestartPolicy(j.Effective().String(RestartKey))
	}
	if err != nil {
		if ctx.Err() == nil {
			w.s.report(Supervision{Kind: SupervisionFailed, Jail: w.name, Err: err})
		}
		return
	}
	w.jail = j
}

// pause waits for news, or for a time if it is not 0, and tells whether that
// went by.
func (w *ward) pause(ctx context.Context, d time.Duration) (over bool) {
	var timer <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-ctx.Done():
	case <-w.kick:
	case <-timer:
		return true
	}
	return false
}

// check makes one attempt of the probe.
func (w *ward) check(ctx context.Context) {
	free, err := w.s.slot(ctx)
	if err != nil {
		return
	}
	err = w.jail.Healthy(ctx)
	free()
	switch {
	case ctx.Err() != nil, errors.Is(err, jail.ErrNotRunning):
		return // the watch tells
	case err == nil:
		w.failures = 0
		if !w.healthy {
			w.healthy = true
			w.s.report(Supervision{Kind: SupervisionHealthy, Jail: w.name})
		}
		return
	}
	if w.failures++; w.failures != w.probe.Failures {
		return // not yet, or told already
	}
	w.healthy = false
	w.s.report(Supervision{Kind: SupervisionUnhealthy, Jail: w.name, Err: err})
	if w.policy.When != RestartNever {
		w.again(ctx)
	}
}

// again restarts the jail after the pause, or gives it up.
func (w *ward) again(ctx context.Context) {
	if w.tries >= w.policy.Tries {
		if !w.givenUp {
			w.givenUp = true
			w.s.report(Supervision{Kind: SupervisionGivenUp, Jail: w.name, Try: w.tries})
		}
		w.pause(ctx, 0)
		return
	}
	delay := w.policy.delay(w.tries)
	w.tries++
	w.s.report(Supervision{Kind: SupervisionRestart, Jail: w.name, Try: w.tries, Delay: delay})
	t := time.NewTimer(delay)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return
	case <-t.C:
	}
	if w.s.isHeld(w.name) {
		return
	}
	err := w.s.restart(ctx, w.name)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		w.failures = 0 // if it runs, it is checked and restarted again
		w.s.report(Supervision{Kind: SupervisionFailed, Jail: w.name, Err: err, Try: w.tries})
		return
	}
	w.s.report(Supervision{Kind: SupervisionRestarted, Jail: w.name, Try: w.tries})
	w.settleIn(ctx)
}

// settleIn waits until the watch has told of the new life, so that the end of
// the one before is not taken for its own.
func (w *ward) settleIn(ctx context.Context) {
	id, err := w.jail.Identity(ctx)
	if err != nil {
		return
	}
	w.seen, w.since, w.failures, w.healthy = id, time.Now(), 0, false
	limit := time.NewTimer(w.s.o.Watch.Interval + 5*time.Second)
	defer limit.Stop()
	for {
		w.mu.Lock()
		told := w.identity == id && !w.died || w.ended == id
		w.mu.Unlock()
		if told {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-limit.C:
			return
		case <-w.kick:
		}
	}
}
