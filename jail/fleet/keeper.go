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
	checked  time.Time       // when the last check ended
	failures int
	healthy  bool
	tries    int
	givenUp  bool
	end
}

// end is what is known of the end of the run, or of the one before the supervisor
// began.
type end struct {
	asked bool // over is what the jail has answered
	over  bool // it has ended without Stop
	busy  bool // the run had processes
	told  bool // SupervisionEnded was reported
	owed  bool // a restart has stopped it and could not start it
}

// news is what the watch has reported of the jail.
type news struct {
	identity kernel.Identity
	ended    kernel.Identity // the last run that has ended
	ran      bool            // it has run since the supervisor knows it
	reload   bool            // its configuration may have changed
	gone     bool            // it was destroyed
}

func (k *keeper) note(c Change) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch c.Kind {
	case ChangeThere, ChangeStarted:
		k.identity = c.Identity
		k.ran = k.ran || !c.Identity.IsZero()
	case ChangeStopped:
		k.identity, k.ended = kernel.Identity{}, c.Identity
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
	k.checked = k.since
	k.end = end{owed: k.owed && id.IsZero()}
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
			k.begin(now.identity)
			if !up {
				k.tellEnd()
			}
		}
		if up && time.Since(k.since) > k.policy.Max {
			k.tries = 0
		}
		switch {
		case k.jail == nil || k.s.isHeld(k.name):
			k.pause(ctx, 0)
		case k.policy.When != RestartNever && k.hasEnded(ctx, now):
			k.tellEnd()
			k.again(ctx, func() bool {
				k.asked = false
				return k.hasEnded(ctx, k.latest())
			})
		default:
			k.attend(ctx, up)
		}
	}
}

func (k *keeper) tellEnd() {
	if !k.told && k.policy.When != RestartNever {
		k.told = true
		k.report(Supervision{Kind: SupervisionEnded})
	}
}

// hasEnded reports whether the jail is to be started again because its run has
// ended. It judges by the present state, not by changes, so that it does not
// matter when that was.
func (k *keeper) hasEnded(ctx context.Context, now news) bool {
	up := !now.identity.IsZero()
	switch {
	case up:
		list, err := k.s.host.Kernel.ProcessList(ctx, now.identity.JID)
		if err != nil || len(list) > 0 {
			k.busy, k.asked = k.busy || err == nil, false
			return false
		}
	case k.owed || now.ran && k.policy.When == RestartAlways:
		return true
	}
	if !k.asked {
		over, err := k.jail.Ended(ctx)
		if err != nil {
			return false // asked again soon
		}
		if up && k.busy && config.NewKey[string]("exec_start").Of(k.jail.Effective()) == "" {
			// The properties do not say that there are to be processes, but there were.
			id, err := k.jail.Identity(ctx)
			over = over || err == nil && id == now.identity
		}
		k.asked, k.over = true, over
	}
	return k.over
}

// attend waits for news, for the next check, or until it is time to look again
// whether the jail has ended.
func (k *keeper) attend(ctx context.Context, up bool) {
	var look time.Duration
	if k.policy.When != RestartNever && (up || !k.asked) {
		look = k.s.o.Watch.Interval
	}
	if !up || len(k.probe.Checks) == 0 {
		k.pause(ctx, look)
		return
	}
	due := max(time.Until(k.checked.Add(k.probe.Interval)), time.Nanosecond)
	if look > 0 && look < due {
		k.pause(ctx, look)
	} else if k.pause(ctx, due) {
		k.check(ctx)
		k.checked = time.Now()
	}
}

// load reads the properties again, which gives a jail that was given up another
// chance.
func (k *keeper) load(ctx context.Context) {
	k.jail, k.tries, k.givenUp, k.asked = nil, 0, false, false
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
		k.again(ctx, func() bool { return true })
	}
}

// again restarts the jail after the pause, if it still needs that, or gives it up.
func (k *keeper) again(ctx context.Context, needed func() bool) {
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
	if k.s.isHeld(k.name) || !needed() {
		return
	}
	err := k.s.restart(ctx, k.name)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		k.failures = 0 // if it runs, it is checked and restarted again
		_, stopped := k.jail.Identity(ctx)
		k.owed = errors.Is(stopped, jail.ErrNotRunning)
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
		reported := k.identity == id || k.ended == id
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
