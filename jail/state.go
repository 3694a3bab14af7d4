package jail

import "github.com/libioc/go-libioc/config"

// state is what operations change of a Jail while other goroutines read it. It is
// replaced whole, never written.
type state struct {
	name     string
	fullName string
	path     string         // where the jail's dataset is mounted; empty for a new jail
	own      *config.Config // the jail's properties as they are now
	config   *config.Config // what Config returns, the same one forever: own, or replaced by it
	status   Status
}

func newState(name, fullName, path string, own *config.Config) *state {
	return &state{name: name, fullName: fullName, path: path, own: own, config: own}
}

// set gives a state that nobody else has yet another configuration.
func (s *state) set(own *config.Config) { s.own, s.config = own, own }

// state returns one moment of the jail. What reads more than one field asks once.
func (j *Jail) state() *state {
	if now := j.current.Load(); now != nil {
		return now
	}
	return newState("", "", "", config.New()) // of a Jail that neither New nor Load has made
}

func (j *Jail) own() *config.Config { return j.state().own }

// publish changes the jail. What Config has returned before is still the jail's.
// An operation calls it while it holds the jail's lock.
func (j *Jail) publish(change func(is *state)) {
	is := *j.state()
	change(&is)
	if is.config != is.own {
		is.config.Replace(is.own)
	}
	j.current.Store(&is)
}

// copy returns another Jail that starts as this one does, changed.
func (j *Jail) copy(change func(is *state)) *Jail {
	is := *j.state()
	is.config = is.own
	change(&is)
	other := &Jail{
		host: j.host, source: j.source, defaults: j.defaults,
		foreign: j.foreign, storage: j.storage, seen: j.seen,
	}
	other.current.Store(&is)
	return other
}

// still returns the jail as it is at this moment, for a method that asks often.
func (j *Jail) still() *Jail { return j.copy(func(*state) {}) }
