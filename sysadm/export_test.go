package sysadm

import "github.com/libioc/go-libioc/internal/login"

// ForgetFailures lets tests fail as often as they like.
func (s *Server) ForgetFailures() {
	s.guard.Succeeded([]login.Key{{Name: "127.0.0.1"}})
}
