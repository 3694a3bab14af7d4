package fleet

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// keeper looks after one jail for a Supervisor. Its own goroutine decides; the
// supervisor only hands it the changes that the watch reports.
type keeper struct {
	s    *Supervisor
	name string
	kick chan struct{}

	mu sync.Mutex
	news

	// Of the goroutine only.
	jail     *jail.Jail
	probe    jail.Probe
	policy   RestartPolicy
	seen     kernel.Identity // the run that the checks are of
	since    time.Time       // when that run was seen first
	failures int
	healthy  bool
	tries    int
	givenUp  bool
}

// news is what the watch has reported of the jail.
type news struct {
	identity kernel.Identity
	ended    kernel.Identity // the last run that has ended
	ran      bool            // it has run since the supervisor knows it
	died     bool            // its last process has ended
	reload   bool            // its configuration may have changed
	gone     bool            // it was destroyed
}

func (k *keeper) note(c Change) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch c.Kind {
	case ChangeThere, ChangeStarted:
		k.identity, k.died = c.Identity, false
		k.ran = k.ran || !c.Identity.IsZero()
	case ChangeStopped:
		k.identity, k.died, k.ended = kernel.Identity{}, false, c.Identity
	case ChangeDied:
		k.died = k.identity == c.Identity
	case ChangeConfig, ChangeCreated:
		k.reload = true
	case ChangeDestroyed:
		k.gone = true
	}
	k.wake()
}

func (k *keeper) wake() {
	select {
	case k.kick <- struct{}{}:
	default:
	}
}

// latest returns the news. The next one's reload is false unless it is set again.
func (k *keeper) latest() news {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.news
	k.reload = false
	return now
}

func (k *keeper) report(e Supervision) {
	e.Jail = k.name
	k.s.report(e)
}

// begin notes that the jail runs as id, or not at all.
func (k *keeper) begin(id kernel.Identity) {
	k.seen, k.since, k.failures, k.healthy = id, time.Now(), 0, false
}

func (k *keeper) run(ctx context.Context) {
	for ctx.Err() == nil {
		now := k.latest()
		if now.gone {
			return
		}
		if now.reload {
			k.load(ctx)
		}
		up := !now.identity.IsZero()
		if now.identity != k.seen {
			if !up && k.policy.When != RestartNever {
				k.report(Supervision{Kind: SupervisionEnded})
			}
			k.begin(now.identity)
		}
		if up && time.Since(k.since) > k.policy.Max {
			k.tries = 0
		}
		switch {
		case k.jail == nil || k.s.isHeld(k.name):
			k.pause(ctx, 0)
		case up && now.died && k.policy.When != RestartNever:
			k.report(Supervision{Kind: SupervisionEnded})
			k.again(ctx)
		case !up && now.ran && k.policy.When == RestartAlways:
			k.again(ctx)
		case up && len(k.probe.Checks) > 0:
			if k.pause(ctx, k.probe.Interval) {
				k.check(ctx)
			}
		default:
			k.pause(ctx, 0)
		}
	}
}

// load reads the properties again, which gives a jail that was given up another
// chance.
func (k *keeper) load(ctx context.Context) {
	k.jail, k.tries, k.givenUp = nil, 0, false
	j, err := jail.Load(ctx, k.s.host, k.name)
	if err == nil {
		k.probe, err = j.HealthProbe()
	}
	if err == nil {
		k.policy, err = ParseRestartPolicy(config.NewKey[string](RestartKey).Of(j.Effective()))
	}
	if err != nil {
		if ctx.Err() == nil {
			k.report(Supervision{Kind: SupervisionFailed, Err: err})
		}
		return
	}
	k.jail = j
}

// pause waits for news, or for a time if it is not 0, and reports whether the time
// has passed.
func (k *keeper) pause(ctx context.Context, d time.Duration) (over bool) {
	var timer <-chan time.Time
	if d > 0 {
		timer = time.After(d)
	}
	select {
	case <-ctx.Done():
	case <-k.kick:
	case <-timer:
		return true
	}
	return false
}

// check makes one attempt of the probe.
func (k *keeper) check(ctx context.Context) {
	free, err := k.s.slot(ctx)
	if err != nil {
		return
	}
	err = k.jail.Healthy(ctx)
	free()
	switch {
	case ctx.Err() != nil, errors.Is(err, jail.ErrNotRunning):
		return // the watch reports it
	case err == nil:
		k.failures = 0
		if !k.healthy {
			k.healthy = true
			k.report(Supervision{Kind: SupervisionHealthy})
		}
		return
	}
	if k.failures++; k.failures != k.probe.Failures {
		return // not yet, or reported already
	}
	k.healthy = false
	k.report(Supervision{Kind: SupervisionUnhealthy, Err: err})
	if k.policy.When != RestartNever {
		k.again(ctx)
	}
}

// again restarts the jail after the pause, or gives it up.
func (k *keeper) again(ctx context.Context) {
	if k.tries >= k.policy.Tries {
		if !k.givenUp {
			k.givenUp = true
			k.report(Supervision{Kind: SupervisionGivenUp, Try: k.tries})
		}
		k.pause(ctx, 0)
		return
	}
	delay := k.policy.delay(k.tries)
	k.tries++
	k.report(Supervision{Kind: SupervisionRestart, Try: k.tries, Delay: delay})
	select {
	case <-ctx.Done():
		return
	case <-time.After(delay):
	}
	if k.s.isHeld(k.name) {
		return
	}
	err := k.s.restart(ctx, k.name)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		k.failures = 0 // if it runs, it is checked and restarted again
		k.report(Supervision{Kind: SupervisionFailed, Err: err, Try: k.tries})
		return
	}
	k.report(Supervision{Kind: SupervisionRestarted, Try: k.tries})
	k.settleIn(ctx)
}

// settleIn waits until the watch has reported the new run, so that the end of the
// one before is not taken for its end.
func (k *keeper) settleIn(ctx context.Context) {
	id, err := k.jail.Identity(ctx)
	if err != nil {
		return
	}
	k.begin(id)
	limit := time.After(k.s.o.Watch.Interval + 5*time.Second)
	for {
		k.mu.Lock()
		reported := k.identity == id && !k.died || k.ended == id
		k.mu.Unlock()
		if reported {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-limit:
			return
		case <-k.kick:
		}
	}
}
