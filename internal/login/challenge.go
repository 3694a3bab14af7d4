package login

import (
	"crypto/rand"
	"time"
)

// Challenge is a text that a client has to sign with its key. It is valid for a
// short time. The zero value is never valid.
type Challenge struct {
	Text  string // 20 letters and digits
	until time.Time
}

const challengeLife = 30 * time.Second

// NewChallenge returns a random challenge, of 5 bits a character.
func NewChallenge(now time.Time) Challenge {
	return Challenge{rand.Text()[:20], now.Add(challengeLife)}
}

// Good reports whether an answer is still in time.
func (c Challenge) Good(now time.Time) bool { return c.Text != "" && now.Before(c.until) }
