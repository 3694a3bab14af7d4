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

const (
	challengeLife  = 30 * time.Second
	challengeChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// NewChallenge returns a random challenge.
func NewChallenge(now time.Time) Challenge {
	text := make([]byte, 0, 20)
	for len(text) < cap(text) {
		var b [1]byte
		rand.Read(b[:])                                // never fails, crypto/rand
		if n := int(b[0]); n < len(challengeChars)*4 { // all characters equally likely
			text = append(text, challengeChars[n%len(challengeChars)])
		}
	}
	return Challenge{string(text), now.Add(challengeLife)}
}

// Good reports whether an answer is still in time.
func (c Challenge) Good(now time.Time) bool { return c.Text != "" && now.Before(c.until) }
