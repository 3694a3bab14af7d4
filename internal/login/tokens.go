package login

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"time"
)

// Tokens are logins that are alive, each for a user of type U. Only a hash of
// each token is kept, and it is the key it is found by: the whole token counts,
// and how long a search takes says nothing about it.
type Tokens[U any] struct {
	// Idle and Life are how long a token lives unused, and at all.
	Idle, Life time.Duration
	// Now is the time; time.Now.
	Now func() time.Time

	mu   sync.Mutex
	live map[[sha256.Size]byte]*session[U]
}

type session[U any] struct {
	user U
	// kept tells that the token outlives the connection that asked for it.
	kept    bool
	holders int // connections that are logged in with it
	born    time.Time
	used    time.Time
}

// maxTokens bounds the table.
const maxTokens = 4096

// Add makes a token: 256 random bits. When there are too many, the one unused for
// the longest time goes.
func (t *Tokens[U]) Add(u U, kept bool) string {
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
	t.live[sha256.Sum256([]byte(token))] = &session[U]{user: u, kept: kept, born: now, used: now}
	return token
}

// Use finds whose token it is and begins its idle time anew; nil for none.
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

// find looks a token up that is still good. The empty one never is.
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

// Hold counts one more connection with the token; left is what remains of its
// life.
func (t *Tokens[U]) Hold(token string) (left time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.find(token)
	if s == nil {
		return 0
	}
	s.holders++
	return min(t.Idle, t.Life-t.Now().Sub(s.born))
}

// Drop ends a token. With gone only one connection ended, which the token
// outlives if it was asked to, or if another one uses it.
func (t *Tokens[U]) Drop(token string, gone bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := sha256.Sum256([]byte(token))
	s := t.live[key]
	if s == nil {
		return
	}
	s.holders--
	if !gone || s.holders <= 0 && !s.kept {
		delete(t.live, key)
	}
}

// Count is how many are alive, after the others are swept out.
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
