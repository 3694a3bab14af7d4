package fleet

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// moment is one call of keeperState.next: what has become known, and what is decided.
type moment struct {
	at    time.Duration // since the beginning
	known []change
	phase phase
	do    taskKind
	until time.Duration // of taskWait, since the beginning; 0: only news
	tell  []SupervisionKind
}

// change changes what is known, which stays so, except for an answer.
type change func(k *known)

var (
	lifeA  = kernel.Identity{JID: 1, Name: "ioc-web", Incarnation: 1}
	lifeB  = kernel.Identity{JID: 2, Name: "ioc-web", Incarnation: 2}
	errIll = errors.New("ill")
)

func runs(life kernel.Identity) change { return func(k *known) { k.life, k.ran = life, true } }
func stops(k *known)                   { k.life, k.ended = kernel.Identity{}, k.life }
func holds(k *known)                   { k.held = true }
func releases(k *known)                { k.held = false }
func destroyed(k *known)               { k.gone = true }
func unreadable(k *known)              { k.readable, k.fresh, k.policy = false, true, config.RestartPolicy{} }

func looks(busy bool) change { return func(k *known) { k.look = look{k.life, busy} } }

func policy(p config.RestartPolicy) change {
	return func(k *known) { k.readable, k.fresh, k.policy = true, true, p }
}

func checked(err error) change {
	return func(k *known) { k.answer = &answer{kind: taskCheck, err: err} }
}

func asked(over bool, err error) change {
	return func(k *known) { k.answer = &answer{kind: taskAsk, over: over, err: err} }
}

func restarted(life kernel.Identity, err error) change {
	return func(k *known) {
		k.answer = &answer{kind: taskRestart, life: life, err: err, down: err != nil && life.IsZero()}
	}
}

// TestKeeperState: what a keeper decides, by what is known. Times are in seconds: a look
// each second, a check each 10, two failures make a jail ill, the first pause is 5, the
// second 10, and Max is 60; there are two tries.
func TestKeeperState(t *testing.T) {
	const s = time.Second
	failure := config.RestartPolicy{When: config.RestartFailure, Backoff: 5 * s, Max: 60 * s, Tries: 2}
	always, never, other := failure, failure, failure
	always.When, never.When, other.Backoff = config.RestartAlways, config.RestartNever, 7*s
	probe := jail.Probe{Checks: []config.ProbeCheck{{Kind: "tcp", Text: "80"}}, Interval: 10 * s, Failures: 2}
	list := func(kinds ...SupervisionKind) []SupervisionKind { return kinds }
	all := func(more []moment, lists ...[]moment) (out []moment) {
		for _, l := range lists {
			out = append(out, l...)
		}
		return append(out, more...)
	}
	// The jail runs, is well, gets ill at 30 and is to be restarted at 35.
	ill := []moment{
		{at: 0, known: []change{runs(lifeA), looks(true)}, until: 10 * s},
		{at: 10 * s, do: taskCheck},
		{at: 10 * s, known: []change{checked(nil)}, until: 20 * s, tell: list(SupervisionHealthy)},
		{at: 20 * s, do: taskCheck},
		{at: 20 * s, known: []change{checked(errIll)}, until: 30 * s},
		{at: 30 * s, do: taskCheck},
		{at: 30 * s, known: []change{checked(errIll)}, phase: phaseBackoff, until: 35 * s, tell: list(SupervisionUnhealthy, SupervisionRestart)},
	}
	// Its last process ends at 1; it is to be restarted at 6.
	died := []moment{
		{at: 0, known: []change{runs(lifeA), looks(true)}},
		{at: 1 * s, known: []change{looks(false)}, do: taskAsk},
		{at: 1 * s, known: []change{asked(true, nil)}, phase: phaseBackoff, until: 6 * s, tell: list(SupervisionEnded, SupervisionRestart)},
	}
	// Two restarts of an ill jail have failed: it is given up at 75.
	givenUp := all([]moment{
		{at: 35 * s, phase: phaseRestarting, do: taskRestart},
		{at: 35 * s, known: []change{restarted(lifeA, errIll)}, until: 40 * s, tell: list(SupervisionFailed)},
		{at: 40 * s, do: taskCheck},
		{at: 40 * s, known: []change{checked(errIll)}, until: 50 * s},
		{at: 50 * s, do: taskCheck},
		{at: 50 * s, known: []change{checked(errIll)}, phase: phaseBackoff, until: 60 * s, tell: list(SupervisionUnhealthy, SupervisionRestart)},
		{at: 60 * s, phase: phaseRestarting, do: taskRestart},
		{at: 60 * s, known: []change{restarted(lifeA, errIll)}, do: taskCheck, tell: list(SupervisionFailed)},
		{at: 60 * s, known: []change{checked(errIll)}, until: 70 * s},
		{at: 70 * s, do: taskCheck},
		{at: 70 * s, known: []change{checked(errIll)}, phase: phaseGivenUp, until: 80 * s, tell: list(SupervisionUnhealthy, SupervisionGivenUp)},
	}, ill)
	for _, test := range []struct {
		name    string
		policy  config.RestartPolicy
		probe   jail.Probe
		moments []moment
	}{
		{"never: it is only told", never, probe, []moment{
			{at: 0, known: []change{runs(lifeA)}, until: 10 * s},
			{at: 10 * s, do: taskCheck},
			{at: 10 * s, known: []change{checked(errIll)}, until: 20 * s},
			{at: 20 * s, do: taskCheck},
			{at: 20 * s, known: []change{checked(errIll)}, until: 30 * s, tell: list(SupervisionUnhealthy)},
			{at: 30 * s, do: taskCheck},
			{at: 30 * s, known: []change{checked(errIll)}, until: 40 * s},
			{at: 31 * s, known: []change{stops}},
		}},
		{"ill, restarted, and the watch is late", failure, probe, all([]moment{
			{at: 35 * s, phase: phaseRestarting, do: taskRestart},
			{at: 36 * s, known: []change{restarted(lifeB, nil)}, phase: phaseSettling, until: 42 * s, tell: list(SupervisionRestarted)},
			{at: 37 * s, known: []change{stops}, phase: phaseSettling, until: 42 * s},
			{at: 38 * s, known: []change{runs(lifeB)}, until: 46 * s},
			{at: 46 * s, do: taskCheck},
			{at: 46 * s, known: []change{checked(nil)}, until: 56 * s, tell: list(SupervisionHealthy)},
			{at: 56 * s, do: taskCheck},
			{at: 56 * s, known: []change{checked(errIll)}, until: 66 * s},
			{at: 66 * s, do: taskCheck},
			// The second pause is longer than the first.
			{at: 66 * s, known: []change{checked(errIll)}, phase: phaseBackoff, until: 76 * s, tell: list(SupervisionUnhealthy, SupervisionRestart)},
		}, ill)},
		{"ill, restarted, and the watch never says so", failure, jail.Probe{}, all([]moment{
			{at: 6 * s, phase: phaseRestarting, do: taskRestart},
			{at: 6 * s, known: []change{restarted(lifeB, nil)}, phase: phaseSettling, until: 12 * s, tell: list(SupervisionRestarted)},
			{at: 12 * s, known: []change{stops}, do: taskAsk, tell: list(SupervisionEnded)},
		}, died)},
		{"restarted, and ended before the watch says so", failure, jail.Probe{}, all([]moment{
			{at: 6 * s, phase: phaseRestarting, do: taskRestart},
			{at: 6 * s, known: []change{restarted(lifeB, nil)}, phase: phaseSettling, until: 12 * s, tell: list(SupervisionRestarted)},
			{at: 7 * s, known: []change{runs(lifeB), stops}, do: taskAsk, tell: list(SupervisionEnded)},
		}, died)},
		{"well again during the pause", failure, jail.Probe{Checks: probe.Checks, Interval: 2 * s, Failures: 1}, []moment{
			{at: 0, known: []change{runs(lifeA)}, until: 2 * s},
			{at: 2 * s, do: taskCheck},
			{at: 2 * s, known: []change{checked(errIll)}, phase: phaseBackoff, until: 4 * s, tell: list(SupervisionUnhealthy, SupervisionRestart)},
			{at: 4 * s, phase: phaseBackoff, do: taskCheck},
			{at: 4 * s, known: []change{checked(nil)}, until: 6 * s, tell: list(SupervisionHealthy)},
			{at: 7 * s, do: taskCheck},
		}},
		{"stopped during the pause", failure, probe, all([]moment{
			{at: 32 * s, known: []change{stops}, do: taskAsk, tell: list(SupervisionEnded)},
			{at: 32 * s, known: []change{asked(false, nil)}},
			{at: 90 * s},
		}, ill)},
		{"died, then stopped during the pause", failure, jail.Probe{}, all([]moment{
			{at: 2 * s, known: []change{stops}, phase: phaseBackoff, do: taskAsk},
			{at: 2 * s, known: []change{asked(false, jail.ErrBusy)}, until: 3 * s},
			{at: 3 * s, do: taskAsk},
			{at: 3 * s, known: []change{asked(false, nil)}},
			{at: 90 * s},
		}, died)},
		{"died, then ended during the pause", failure, jail.Probe{}, all([]moment{
			{at: 2 * s, known: []change{stops}, phase: phaseBackoff, do: taskAsk},
			{at: 2 * s, known: []change{asked(true, nil)}, phase: phaseBackoff, until: 6 * s},
			{at: 6 * s, phase: phaseRestarting, do: taskRestart},
		}, died)},
		{"stopped during the pause, always", always, probe, all([]moment{
			{at: 32 * s, known: []change{stops}, phase: phaseBackoff, until: 37 * s, tell: list(SupervisionEnded, SupervisionRestart)},
			{at: 37 * s, phase: phaseRestarting, do: taskRestart},
		}, ill)},
		{"started again by hand during the pause", failure, probe, all([]moment{
			{at: 32 * s, known: []change{stops, runs(lifeB)}, until: 42 * s},
			{at: 35 * s, until: 42 * s},
			{at: 42 * s, do: taskCheck},
		}, ill)},
		{"held during the pause and released", failure, probe, all([]moment{
			{at: 32 * s, known: []change{holds}, phase: phaseHeld},
			{at: 60 * s, phase: phaseHeld},
			{at: 61 * s, known: []change{releases}, do: taskCheck},
			{at: 61 * s, known: []change{checked(errIll)}, until: 71 * s},
			{at: 71 * s, do: taskCheck},
			{at: 71 * s, known: []change{checked(errIll)}, phase: phaseBackoff, until: 76 * s, tell: list(SupervisionUnhealthy, SupervisionRestart)},
			{at: 76 * s, phase: phaseRestarting, do: taskRestart},
		}, ill)},
		{"held, stopped and released", failure, probe, all([]moment{
			{at: 32 * s, known: []change{holds}, phase: phaseHeld},
			{at: 33 * s, known: []change{stops}, phase: phaseHeld, tell: list(SupervisionEnded)},
			{at: 34 * s, known: []change{releases}, do: taskAsk},
			{at: 34 * s, known: []change{asked(false, nil)}},
		}, ill)},
		{"destroyed during the pause", failure, probe, all([]moment{
			{at: 32 * s, known: []change{destroyed}, phase: phaseBackoff, do: taskEnd},
		}, ill)},
		{"never during the pause", failure, probe, all([]moment{
			{at: 32 * s, known: []change{policy(never)}, until: 40 * s},
			{at: 35 * s, until: 40 * s},
		}, ill)},
		{"another policy during the pause", failure, jail.Probe{}, all([]moment{
			{at: 2 * s, known: []change{policy(other)}, do: taskAsk},
			{at: 2 * s, known: []change{asked(true, nil)}, phase: phaseBackoff, until: 9 * s, tell: list(SupervisionRestart)},
		}, died)},
		{"a policy that nobody understands during the pause", failure, probe, all([]moment{
			{at: 32 * s, known: []change{unreadable}},
			{at: 35 * s},
			{at: 40 * s, known: []change{policy(failure)}, do: taskCheck},
		}, ill)},
		{"processes are back during the pause", failure, jail.Probe{}, all([]moment{
			{at: 2 * s, known: []change{looks(true)}},
			{at: 7 * s},
			{at: 8 * s, known: []change{looks(false)}, do: taskAsk},
		}, died)},
		{"somebody else was there first", failure, jail.Probe{}, all([]moment{
			{at: 6 * s, phase: phaseRestarting, do: taskRestart},
			{at: 6 * s, known: []change{restarted(lifeB, errMoot)}, phase: phaseSettling, until: 8 * s},
			{at: 7 * s, known: []change{stops, runs(lifeB), looks(true)}},
			// It did not count as a try: the next pause is the first.
			{at: 20 * s, known: []change{looks(false)}, do: taskAsk},
			{at: 20 * s, known: []change{asked(true, nil)}, phase: phaseBackoff, until: 25 * s, tell: list(SupervisionEnded, SupervisionRestart)},
		}, died)},
		{"an operation is at work on it", failure, jail.Probe{}, all([]moment{
			{at: 6 * s, phase: phaseRestarting, do: taskRestart},
			{at: 6 * s, known: []change{restarted(lifeA, jail.ErrBusy)}, phase: phaseSettling, until: 8 * s},
			{at: 7 * s, known: []change{stops}, do: taskAsk},
			{at: 7 * s, known: []change{asked(false, nil)}},
		}, died)},
		{"a restart stops it and cannot start it", failure, jail.Probe{}, all([]moment{
			{at: 6 * s, phase: phaseRestarting, do: taskRestart},
			{at: 6 * s, known: []change{restarted(kernel.Identity{}, errIll)}, phase: phaseSettling, until: 12 * s, tell: list(SupervisionFailed)},
			{at: 7 * s, known: []change{stops}, phase: phaseBackoff, until: 17 * s, tell: list(SupervisionRestart)},
			{at: 17 * s, phase: phaseRestarting, do: taskRestart},
			{at: 17 * s, known: []change{restarted(kernel.Identity{}, errIll)}, phase: phaseGivenUp, tell: list(SupervisionFailed, SupervisionGivenUp)},
			{at: 18 * s, known: []change{holds}, phase: phaseHeld},
			{at: 19 * s, known: []change{releases}, phase: phaseBackoff, until: 24 * s, tell: list(SupervisionRestart)},
		}, died)},
		{"given up, and still ill", failure, probe, all([]moment{
			{at: 80 * s, phase: phaseGivenUp, do: taskCheck},
			{at: 80 * s, known: []change{checked(errIll)}, phase: phaseGivenUp, until: 90 * s},
			{at: 600 * s, phase: phaseGivenUp, do: taskCheck},
			{at: 600 * s, known: []change{checked(errIll)}, phase: phaseGivenUp, until: 610 * s},
		}, givenUp)},
		{"given up, well again, and ill", failure, probe, all([]moment{
			{at: 80 * s, phase: phaseGivenUp, do: taskCheck},
			{at: 80 * s, known: []change{checked(nil)}, phase: phaseGivenUp, until: 90 * s, tell: list(SupervisionHealthy)},
			{at: 139 * s, phase: phaseGivenUp, do: taskCheck},
			{at: 139 * s, known: []change{checked(nil)}, phase: phaseGivenUp, until: 140 * s},
			{at: 140 * s, until: 149 * s},
			{at: 149 * s, do: taskCheck},
			{at: 149 * s, known: []change{checked(errIll)}, until: 159 * s},
			{at: 159 * s, do: taskCheck},
			{at: 159 * s, known: []change{checked(errIll)}, phase: phaseBackoff, until: 164 * s, tell: list(SupervisionUnhealthy, SupervisionRestart)},
		}, givenUp)},
		{"given up, well for too short a time", failure, probe, all([]moment{
			{at: 80 * s, phase: phaseGivenUp, do: taskCheck},
			{at: 80 * s, known: []change{checked(nil)}, phase: phaseGivenUp, until: 90 * s, tell: list(SupervisionHealthy)},
			{at: 90 * s, phase: phaseGivenUp, do: taskCheck},
			{at: 90 * s, known: []change{checked(errIll)}, phase: phaseGivenUp, until: 100 * s},
			{at: 100 * s, phase: phaseGivenUp, do: taskCheck},
			{at: 100 * s, known: []change{checked(errIll)}, phase: phaseGivenUp, until: 110 * s, tell: list(SupervisionUnhealthy)},
		}, givenUp)},
		{"given up and released", failure, probe, all([]moment{
			{at: 75 * s, known: []change{holds}, phase: phaseHeld},
			{at: 80 * s, known: []change{releases}, do: taskCheck},
			{at: 80 * s, known: []change{checked(errIll)}, until: 90 * s},
			{at: 90 * s, do: taskCheck},
			{at: 90 * s, known: []change{checked(errIll)}, phase: phaseBackoff, until: 95 * s, tell: list(SupervisionUnhealthy, SupervisionRestart)},
		}, givenUp)},
		{"given up, and another policy", failure, probe, all([]moment{
			{at: 75 * s, known: []change{policy(other)}, until: 80 * s},
			{at: 80 * s, do: taskCheck},
		}, givenUp)},
		{"a look at another run says nothing", failure, jail.Probe{}, []moment{
			{at: 0, known: []change{runs(lifeA), looks(false)}, do: taskAsk},
			{at: 0, known: []change{asked(false, nil)}},
			{at: 1 * s, known: []change{stops, runs(lifeB)}},
		}},
		{"it had ended before", failure, jail.Probe{}, []moment{
			{at: 0, do: taskAsk},
			{at: 0, known: []change{asked(true, nil)}, phase: phaseBackoff, until: 5 * s, tell: list(SupervisionEnded, SupervisionRestart)},
			{at: 5 * s, phase: phaseRestarting, do: taskRestart},
			{at: 6 * s, known: []change{restarted(lifeB, nil)}, phase: phaseSettling, until: 12 * s, tell: list(SupervisionRestarted)},
			{at: 7 * s, known: []change{runs(lifeB)}, until: 67 * s},
		}},
		{"it never ran, always", always, jail.Probe{}, []moment{
			{at: 0, do: taskAsk},
			{at: 0, known: []change{asked(false, nil)}},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			began := time.Unix(1_700_000_000, 0)
			var state keeperState
			k := known{interval: s, readable: true, policy: test.policy, probe: test.probe}
			for i, m := range test.moments {
				k.now, k.fresh, k.answer = began.Add(m.at), i == 0, nil
				for _, c := range m.known {
					c(&k)
				}
				var got task
				state, got = state.next(k)
				require.Equal(t, m.phase, state.phase, "phase at moment %d", i)
				require.Equal(t, m.do, got.kind, "task at moment %d", i)
				var until time.Duration
				if !got.at.IsZero() {
					until = got.at.Sub(began)
				}
				require.Equal(t, m.until, until, "at moment %d", i)
				var told []SupervisionKind
				for _, e := range got.tell {
					told = append(told, e.Kind)
				}
				require.Equal(t, m.tell, told, "told at moment %d", i)
			}
		})
	}
}
