package sysadm

import "github.com/libioc/go-libioc/internal/login"

// NetworkOf is networkOf.
var NetworkOf = networkOf

// ForgetFailures lets tests fail as often as they like.
func (s *Server) ForgetFailures() {
	s.guard.Succeeded([]login.Key{{Name: "127.0.0.1"}})
	s.guard.Succeeded([]login.Key{{Account: true, Name: "rita"}})
}

// Admits reports whether one more connection of the address, which has not logged in,
// would be accepted.
func (s *Server) Admits(peer string) bool {
	c := &conn{network: networkOf(peer), events: newQueue(1)}
	defer s.hub.remove(c)
	return s.hub.add(c)
}

// AtWork returns how many actions that change something and that ask a mirror run.
func (s *Server) AtWork() (changes, asks int) {
	return len(s.slots[kindChange]), len(s.slots[kindAsk])
}
