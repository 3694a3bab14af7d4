package sysadm

import (
	"errors"
	"strings"

	"github.com/libioc/go-libioc/config"
)

// errForbidden is answered with 403.
var errForbidden = errors.New("forbidden")

// mayExec reports whether the user may run commands, in jails and by their hooks on the
// host.
func (s *Server) mayExec(u *User) bool { return u.Exec && s.opts.AllowExec }

// runsCommands reports whether a property is a command, says how commands run, or names
// what provisions the jail. Who can set it can run commands: a hook is run by sh(1), some
// by root of the host, and where their output goes is a file of the host.
func runsCommands(key string) bool {
	p, ok := config.Lookup(key)
	if !ok {
		return false
	}
	return p.Scope == config.ScopeHook || strings.HasPrefix(p.Name, "provision.")
}

// maySet returns errForbidden for properties that only a user with the permission
// to run commands may set.
func (s *Server) maySet(u *User, set map[string]string) error {
	for key := range set {
		if runsCommands(key) && !s.mayExec(u) {
			return errForbidden
		}
	}
	return nil
}
