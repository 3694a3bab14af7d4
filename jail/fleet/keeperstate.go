package fleet

import (
	"errors"
	"time"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// phase is what a keeper is about.
type phase uint8

const (
	phaseWatching   phase = iota // nothing is to be done, or it is being found out
	phaseBackoff                 // it is restarted when due, if it still needs that
	phaseRestarting              // a restart is under way
	phaseSettling                // a restart is over; the watch has yet to report what it did
	phaseGivenUp                 // it needs a restart, and the policy allows none until it is well
	phaseHeld                    // see Supervisor.Hold
)

// keeperState is a state machine without goroutines, a clock or a host: next takes
// what is known and returns the next state and what to do. A keeper drives it.
type keeperState struct {
	phase phase
	life  kernel.Identity // the run that is judged; zero: the jail does not run
	due   time.Time       // of phaseBackoff and, as a limit, of phaseSettling
	from  kernel.Identity // of phaseSettling: the run before the restart

	// Of the life.
	checked  time.Time // when it was last checked, or began
	failures int       // checks that have failed in a row
	healthy  bool      // reported
	ill      bool      // reported as unhealthy
	well     time.Time // since when nothing is wrong with it; zero: something is
	busy     bool      // it has had processes
	asked    bool      // over is what the jail has answered
	over     bool      // it has ended without Stop
	askAfter time.Time // asked in vain: not again before
	told     bool      // SupervisionEnded was reported

	// Of the jail.
	tries int  // restarts since it was well
	owed  bool // a restart has stopped it and could not start it
}

// known is what a keeper knows when it decides.
type known struct {
	now      time.Time
	interval time.Duration // between two looks
	news
	held     bool
	readable bool // policy and probe were understood
	fresh    bool // they were read anew, or could not be
	policy   config.RestartPolicy
	probe    jail.Probe
	// answer, if not nil, is what came of the task before.
	answer *answer
}

// task is what to do, after what is told.
type task struct {
	kind taskKind
	at   time.Time // of taskWait: when to decide again without news; zero: not at all
	tell []Supervision
}

type taskKind uint8

const (
	taskWait    taskKind = iota
	taskAsk              // whether the jail has ended without Stop
	taskCheck            // make one attempt of the probe
	taskRestart          // restart the life
	taskEnd              // the jail is destroyed
)

// answer is what came of a task other than taskWait.
type answer struct {
	kind taskKind
	err  error
	over bool            // of taskAsk
	life kernel.Identity // of taskRestart: the new run
	down bool            // of a taskRestart that was begun and failed: the jail does not run
}

// errMoot: what was judged is not so any more when it is about to be restarted.
var errMoot = errors.New("a restart is not needed any more")

// restarts reports whether the policy ever starts a jail again.

// next decides. It is called with all news, with the answer to the task before, and
// when task.at has come.
func (s keeperState) next(k known) (keeperState, task) {
	var t task
	if k.gone {
		return s, task{kind: taskEnd}
	}
	s.take(k, &t)
	if k.fresh {
		s.judgeAnew()
	}
	if s.phase == phaseSettling && (k.held || s.settled(k)) {
		s.phase = phaseWatching
	}
	if s.phase != phaseSettling && k.life != s.life {
		s.begin(k.life, k.now)
		if s.life.IsZero() {
			s.tellEnd(k, &t)
		}
	}
	switch {
	case k.held:
		s.phase = phaseHeld
		return s, t
	case !k.readable:
		return s, t
	case s.phase == phaseSettling:
		t.at = s.due
		return s, t
	case s.phase == phaseHeld:
		s.judgeAnew()
	}
	s.look(k)
	if s.mustAsk(k) && !k.now.Before(s.askAfter) {
		t.kind = taskAsk
		return s, t
	}
	ended := s.ended(k)
	if ended {
		s.tellEnd(k, &t)
	}
	s.rest(k, ended)
	s.choose(k, ended || s.ill && k.policy.Restarts(), &t)
	if s.phase == phaseBackoff && !k.now.Before(s.due) {
		s.phase, t.kind = phaseRestarting, taskRestart
		s.tries++
		return s, t
	}
	checks := !s.life.IsZero() && len(k.probe.Checks) > 0 && !ended
	if checks && !k.now.Before(s.checked.Add(k.probe.Interval)) {
		t.kind = taskCheck
		return s, t
	}
	t.at = s.until(k, checks)
	return s, t
}

// begin notes that the jail runs as life, or not at all.
func (s *keeperState) begin(life kernel.Identity, now time.Time) {
	is := keeperState{phase: s.phase, life: life, checked: now, tries: s.tries}
	if life.IsZero() {
		is.told, is.owed = s.told, s.owed // it is the end of the same run
	}
	switch {
	case s.phase != phaseBackoff:
	case life.IsZero() && s.over:
		is.due = s.due // as well, unless it was stopped
	default:
		is.phase = phaseWatching // that was for the life before
	}
	*s = is
}

// judgeAnew gives the jail all its tries, and its life another judgement.
func (s *keeperState) judgeAnew() {
	if s.phase != phaseSettling {
		s.phase = phaseWatching
	}
	s.tries, s.failures, s.ill = 0, 0, false
	s.doubt()
}

// doubt makes what the jail has answered be asked again.
func (s *keeperState) doubt() { s.asked, s.over, s.askAfter = false, false, time.Time{} }

// settle waits until the watch reports what a restart has done, or the limit.
func (s *keeperState) settle(from kernel.Identity, limit time.Time) {
	s.phase, s.from, s.due = phaseSettling, from, limit
}

// settled reports whether the watch has reported what the restart has done, so that the
// end of the run before is not taken for that of the new one.
func (s *keeperState) settled(k known) bool {
	if !k.now.Before(s.due) || k.ended == s.life && !s.life.IsZero() {
		return true
	}
	if s.life == s.from { // nothing was started
		return k.life != s.life
	}
	return k.life == s.life
}

func (s *keeperState) tellEnd(k known, t *task) {
	if !s.told && k.policy.Restarts() {
		s.told = true
		t.tell = append(t.tell, Supervision{Kind: SupervisionEnded})
	}
}

// take notes the answer to the task before.
func (s *keeperState) take(k known, t *task) {
	a := k.answer
	switch {
	case a == nil:
	case a.kind == taskAsk && a.err != nil:
		s.askAfter = k.now.Add(k.interval)
	case a.kind == taskAsk:
		s.asked, s.over = true, a.over
	case a.kind == taskCheck:
		s.takeCheck(k, a.err, t)
	case a.kind == taskRestart:
		s.takeRestart(k, a, t)
	}
}

func (s *keeperState) takeCheck(k known, err error, t *task) {
	s.checked = k.now
	switch {
	case errors.Is(err, jail.ErrNotRunning): // the watch reports it
	case err == nil:
		s.failures, s.ill = 0, false
		if !s.healthy {
			s.healthy = true
			t.tell = append(t.tell, Supervision{Kind: SupervisionHealthy})
		}
	default:
		// Beyond the limit it is as ill as at it.
		if s.failures++; s.failures >= k.probe.Failures && !s.ill {
			s.healthy, s.ill = false, true
			t.tell = append(t.tell, Supervision{Kind: SupervisionUnhealthy, Err: err})
		}
	}
}

func (s *keeperState) takeRestart(k known, a *answer, t *task) {
	s.phase = phaseWatching
	from := s.life
	switch {
	case errors.Is(a.err, errMoot), errors.Is(a.err, jail.ErrBusy), errors.Is(a.err, jail.ErrNotFound):
		// Somebody else was there first. What he did is in the news soon.
		s.tries--
		s.doubt()
		s.settle(from, k.now.Add(2*k.interval))
	case a.err != nil:
		t.tell = append(t.tell, Supervision{Kind: SupervisionFailed, Err: a.err, Try: s.tries})
		s.failures, s.ill = 0, false // if it runs, it is checked and restarted again
		s.doubt()
		if s.owed = a.down; a.down && !from.IsZero() {
			s.settle(from, k.now.Add(k.interval+settleLimit))
		}
	default:
		t.tell = append(t.tell, Supervision{Kind: SupervisionRestarted, Try: s.tries})
		if !a.life.IsZero() {
			s.begin(a.life, k.now)
			s.settle(from, k.now.Add(k.interval+settleLimit))
		}
	}
}

// settleLimit is how much longer than its interval a watch may take to report a run.
const settleLimit = 5 * time.Second

// look notes whether the life has processes.
func (s *keeperState) look(k known) {
	if k.look.life == s.life && k.look.busy {
		s.busy = true
		s.doubt()
	}
}

// mustAsk reports whether it has to be known whether the jail has ended without Stop.
func (s *keeperState) mustAsk(k known) bool {
	switch {
	case s.asked || !k.policy.Restarts():
		return false
	case s.life.IsZero():
		return !s.ended(k)
	}
	return k.look.life == s.life && !k.look.busy
}

// ended reports whether the jail is to be started again because its run has ended. It
// is judged by the present state, not by changes, so that it does not matter when
// that was.
func (s *keeperState) ended(k known) bool {
	switch {
	case !k.policy.Restarts():
		return false
	case s.life.IsZero() && (s.owed || k.ran && k.policy.When == config.RestartAlways):
		return true
	}
	return s.asked && s.over
}

// rest notes since when the life is well, which gives the jail back its tries.
func (s *keeperState) rest(k known, ended bool) {
	switch {
	case s.life.IsZero() || ended || len(k.probe.Checks) > 0 && !s.healthy:
		s.well = time.Time{}
		return
	case s.well.IsZero():
		s.well = k.now
	}
	if k.now.Sub(s.well) >= k.policy.Max {
		s.tries = 0
		if s.phase == phaseGivenUp {
			s.phase = phaseWatching
		}
	}
}

// choose begins a backoff, ends one that is not needed any more, or gives the jail up.
func (s *keeperState) choose(k known, needed bool, t *task) {
	switch {
	case s.phase == phaseBackoff && !needed:
		s.phase = phaseWatching
	case s.phase != phaseWatching || !needed:
	case s.tries >= k.policy.Tries:
		s.phase = phaseGivenUp
		t.tell = append(t.tell, Supervision{Kind: SupervisionGivenUp, Try: s.tries})
	default:
		delay := k.policy.Delay(s.tries)
		s.phase, s.due = phaseBackoff, k.now.Add(delay)
		t.tell = append(t.tell, Supervision{Kind: SupervisionRestart, Try: s.tries + 1, Delay: delay})
	}
}

// until returns when to decide again without news.
func (s *keeperState) until(k known, checks bool) (at time.Time) {
	sooner := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	if s.phase == phaseBackoff {
		sooner(s.due)
	}
	if checks {
		sooner(s.checked.Add(k.probe.Interval))
	}
	if s.mustAsk(k) {
		sooner(s.askAfter)
	}
	if s.tries > 0 && !s.well.IsZero() {
		sooner(s.well.Add(k.policy.Max))
	}
	return at
}
