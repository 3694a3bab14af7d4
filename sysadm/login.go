package sysadm

import (
	"context"
	"errors"
	"math"
	"net/http"

	"github.com/libioc/go-libioc/internal/login"
)

// ErrLogin is a wrong login: unknown user or wrong password.
var ErrLogin = errors.New("wrong user or password")

// login checks a password. If the address or the account had too many wrong ones,
// it fails without checking.
func (s *Server) login(ctx context.Context, peer, name, password string) (*User, answer) {
	return s.checkLogin(ctx, peer, name, func() (User, error) {
		return s.opts.Auth.Authenticate(ctx, name, password)
	})
}

func (s *Server) checkLogin(ctx context.Context, peer, account string, check func() (User, error)) (*User, answer) {
	a := refuse(http.StatusUnauthorized)
	keys := []login.Key{{Name: networkOf(peer)}}
	if account != "" {
		keys = append(keys, login.Key{Account: true, Name: account})
	}
	blocked := func() bool {
		wait := s.guard.Blocked(keys)
		a.retry = int(math.Ceil(wait.Seconds()))
		return wait > 0
	}
	if blocked() {
		return nil, a
	}
	// A few at a time, and the count is checked again: parallel logins must not get
	// around it.
	select {
	case s.logins <- struct{}{}:
		defer func() { <-s.logins }()
	case <-ctx.Done():
		return nil, a
	}
	if blocked() {
		return nil, a
	}
	user, err := check()
	if err != nil {
		s.guard.Failed(keys)
		s.log.Info("login failed", "user", account, "peer", peer, "wrong", errors.Is(err, ErrLogin))
		return nil, a
	}
	s.guard.Succeeded(keys)
	return &user, ok(nil)
}
