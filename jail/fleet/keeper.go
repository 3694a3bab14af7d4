package fleet

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// keeper looks after one jail for a Supervisor. Its own goroutine does what
// keeperState decides; the supervisor only hands it the news.
type keeper struct {
	s    *Supervisor
	name string
	kick chan struct{}

	mu      sync.Mutex
	news    news
	looking bool // it wants to know whether the jail has processes

	// Of the goroutine only.
	jail   *jail.Jail // nil if its configuration was not understood
	probe  jail.Probe
	policy config.RestartPolicy
}

// news is what the watch and the looks at processes have reported of the jail.
type news struct {
	life   kernel.Identity // that runs
	ended  kernel.Identity // the last run that has ended
	ran    bool            // it has run since the supervisor knows it
	reload bool            // its configuration may have changed
	gone   bool            // it was destroyed
	look   look
}

// look is whether a run had processes.
type look struct {
	life kernel.Identity
	busy bool
}

func (k *keeper) note(c Change) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch c.Kind {
	case ChangeThere, ChangeStarted:
		k.news.life = c.Identity
		k.news.ran = k.news.ran || !c.Identity.IsZero()
	case ChangeStopped:
		k.news.life, k.news.ended = kernel.Identity{}, c.Identity
	case ChangeConfig, ChangeCreated:
		k.news.reload = true
	case ChangeDestroyed:
		k.news.gone = true
	}
	k.wake()
}

// see notes a look at the jail's processes.
func (k *keeper) see(l look) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.news.look != l {
		k.news.look = l
		k.wake()
	}
}

// looksAt returns the run whose processes the keeper wants to know of, or zero.
func (k *keeper) looksAt() kernel.Identity {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.looking {
		return kernel.Identity{}
	}
	return k.news.life
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
	k.news.reload = false
	return now
}

func (k *keeper) report(e Supervision) {
	e.Jail = k.name
	k.s.report(e)
}

func (k *keeper) run(ctx context.Context) {
	var s keeperState
	var a *answer
	for ctx.Err() == nil {
		now := k.latest()
		if now.reload && !now.gone {
			k.load(ctx)
		}
		var t task
		s, t = s.next(known{
			now: time.Now(), interval: k.s.o.Watch.Interval, news: now, held: k.s.isHeld(k.name),
			readable: k.jail != nil, fresh: now.reload, policy: k.policy, probe: k.probe, answer: a,
		})
		a = nil
		k.mu.Lock()
		k.looking = k.policy.Restarts() && s.phase != phaseHeld
		k.mu.Unlock()
		for _, e := range t.tell {
			k.report(e)
		}
		switch t.kind {
		case taskEnd:
			return
		case taskWait:
			k.pause(ctx, t.at)
		case taskAsk:
			a = k.ask(ctx, s)
		case taskCheck:
			a = k.check(ctx)
		case taskRestart:
			a = k.restart(ctx, s)
		}
	}
}

// load reads the properties again.
func (k *keeper) load(ctx context.Context) {
	k.jail, k.policy = nil, config.RestartPolicy{}
	j, err := jail.Load(ctx, k.s.host, k.name)
	if err == nil {
		k.probe, err = j.HealthProbe()
	}
	if err == nil {
		k.policy, err = policyOf(j)
	}
	if err != nil {
		if ctx.Err() == nil {
			k.report(Supervision{Kind: SupervisionFailed, Err: err})
		}
		return
	}
	k.jail = j
}

func policyOf(j *jail.Jail) (config.RestartPolicy, error) {
	eff := j.Effective()
	if err := eff.Problem(key.UserRestart.String()); err != nil {
		return config.RestartPolicy{}, err
	}
	return config.ParseRestartPolicy(key.UserRestart.Of(eff))
}

// pause waits for news or, if it is not zero, until that time.
func (k *keeper) pause(ctx context.Context, until time.Time) {
	var timer <-chan time.Time
	if !until.IsZero() {
		timer = time.After(time.Until(until))
	}
	select {
	case <-ctx.Done():
	case <-k.kick:
	case <-timer:
	}
}

// ask asks the jail whether it has ended without Stop.
func (k *keeper) ask(ctx context.Context, s keeperState) *answer {
	over, err := k.jail.Ended(ctx)
	if err == nil && s.busy && config.NewKey[string]("exec_start").Of(k.jail.Effective()) == "" {
		// The properties do not say that there are to be processes, but there were.
		id, idErr := k.jail.Identity(ctx)
		over = over || idErr == nil && id == s.life
	}
	return &answer{kind: taskAsk, over: over, err: err}
}

// check makes one attempt of the probe.
func (k *keeper) check(ctx context.Context) *answer {
	free, err := k.s.slot(ctx)
	if err == nil {
		err = k.jail.Healthy(ctx)
		free()
	}
	return &answer{kind: taskCheck, err: err}
}

// restart restarts the run that was judged, and no other.
func (k *keeper) restart(ctx context.Context, s keeperState) *answer {
	begun := false
	err := k.s.restart(ctx, k.jail, func(ctx context.Context, now *jail.Jail, id kernel.Identity) error {
		err := k.confirm(ctx, s, now, id)
		begun = err == nil
		return err
	})
	id, idErr := k.jail.Identity(ctx)
	return &answer{kind: taskRestart, err: err, life: id, down: begun && errors.Is(idErr, jail.ErrNotRunning)}
}

// confirm makes the judgement once more under the jail's lock: the watch reports what
// happens up to its interval later.
func (k *keeper) confirm(ctx context.Context, s keeperState, now *jail.Jail, id kernel.Identity) error {
	policy, err := policyOf(now)
	switch {
	case err != nil:
		return err
	case k.s.isHeld(k.name) || policy != k.policy || id != s.life:
		return errMoot
	case !s.over:
		return nil // it is ill, or is started whoever stopped it
	case id.IsZero():
		if over, err := now.Ended(ctx); err != nil || !over {
			return errors.Join(errMoot, err)
		}
		return nil
	}
	list, err := now.Host().Kernel.ProcessList(ctx, id.JID)
	if err == nil && len(list) > 0 {
		err = errMoot // they are back
	}
	return err
}
