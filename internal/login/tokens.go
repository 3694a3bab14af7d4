package login

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"time"
)

// Tokens are valid logins, each for a user of type U. Only a hash of each token is
// kept, and tokens are found by it: a part of a token is not enough, and the time of
// a search reveals nothing about a token.
type Tokens[U any] struct {
	// Idle is how long an unused token is valid, Life how long any token is.
	Idle, Life time.Duration
	// Now returns the current time, usually time.Now.
	Now func() time.Time

	mu   sync.Mutex
	live map[[sha256.Size]byte]*session[U]
}

type session[U any] struct {
	user U
	born time.Time
	used time.Time
}

// maxTokens bounds the table.
const maxTokens = 4096

// Add returns a new token of 256 random bits. If there are too many, the one unused
// for the longest time is dropped.
func (t *Tokens[U]) Add(u U) string {
	var raw [32]byte
	rand.Read(raw[:]) // never fails, crypto/rand
	token := base64.RawURLEncoding.EncodeToString(raw[:])
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.live == nil {
		t.live = map[[sha256.Size]byte]*session[U]{}
	}
	now := t.Now()
	if len(t.live) >= maxTokens {
		var oldest [sha256.Size]byte
		var at time.Time
		for key, s := range t.live {
			if at.IsZero() || s.used.Before(at) {
				oldest, at = key, s.used
			}
		}
		delete(t.live, oldest)
	}
	t.live[sha256.Sum256([]byte(token))] = &session[U]{user: u, born: now, used: now}
	return token
}

// Use returns the user of a token and restarts its idle time. It returns nil for an
// invalid token.
func (t *Tokens[U]) Use(token string) *U {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.find(token)
	if s == nil {
		return nil
	}
	s.used = t.Now()
	user := s.user
	return &user
}

// find returns the session of a valid token, or nil. The empty token is never valid.
func (t *Tokens[U]) find(token string) *session[U] {
	key := sha256.Sum256([]byte(token))
	s := t.live[key]
	if s == nil || token == "" {
		return nil
	}
	if t.ended(s) {
		delete(t.live, key)
		return nil
	}
	return s
}

func (t *Tokens[U]) ended(s *session[U]) bool {
	now := t.Now()
	return now.Sub(s.used) >= t.Idle || now.Sub(s.born) >= t.Life
}

// Left returns how long a token will be valid if it is not used: 0 for an invalid one.
// It does not restart the token's idle time.
func (t *Tokens[U]) Left(token string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.find(token); s != nil {
		return t.left(s)
	}
	return 0
}

func (t *Tokens[U]) left(s *session[U]) time.Duration {
	now := t.Now()
	return min(t.Idle-now.Sub(s.used), t.Life-now.Sub(s.born))
}

// Drop ends a token.
func (t *Tokens[U]) Drop(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.live, sha256.Sum256([]byte(token)))
}

// Count returns the number of valid tokens and removes the others.
func (t *Tokens[U]) Count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, s := range t.live {
		if t.ended(s) {
			delete(t.live, key)
		}
	}
	return len(t.live)
}
