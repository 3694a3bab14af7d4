package login

import (
	"sync"
	"time"
)

// Guard counts failed logins, by address and by account, both compared whole.
// After five failures each further one doubles the time during which the next is
// refused: up to an hour for an address, half a minute for an account, so that
// strangers cannot keep a user out for long.
type Guard struct {
	Now func() time.Time // the time; time.Now

	mu      sync.Mutex
	entries map[Key]failures
}

// Key is what failures are counted by.
type Key struct {
	Account bool // else an address
	Name    string
}

type failures struct {
	count int
	last  time.Time // when the last one failed
	until time.Time // refused until then
}

const (
	freeLogins   = 5
	forgetLogins = 10 * time.Minute // after the last failure and any block
	guardEntries = 1 << 16
	maxAddress   = time.Hour
	maxAccount   = 30 * time.Second
)

// Blocked tells how long to wait before a login may be tried, 0 for now.
func (g *Guard) Blocked(keys []Key) (wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, k := range keys {
		if f, ok := g.entries[k]; ok {
			wait = max(wait, f.until.Sub(g.Now()))
		}
	}
	return max(wait, 0)
}

// Failed counts a failure.
func (g *Guard) Failed(keys []Key) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.entries == nil {
		g.entries = map[Key]failures{}
	}
	now := g.Now()
	for _, k := range keys {
		f := g.entries[k]
		if g.forgotten(f) {
			f = failures{}
		}
		f.count++
		f.last = now
		if over := f.count - freeLogins; over >= 0 {
			limit := maxAddress
			if k.Account {
				limit = maxAccount
			}
			f.until = now.Add(min(limit, time.Second<<min(over, 20)))
		}
		g.entries[k] = f
	}
	// What is forgotten anyway makes room, or else what matters least: entries
	// with few failures.
	for least := 0; len(g.entries) > guardEntries; least = 2*least + 1 {
		for k, f := range g.entries {
			if g.forgotten(f) || f.count <= least {
				delete(g.entries, k)
			}
		}
	}
}

func (g *Guard) forgotten(f failures) bool {
	return g.Now().Sub(f.last) > forgetLogins && g.Now().After(f.until)
}

// Succeeded forgets all failures: who is behind the keys knows the password.
func (g *Guard) Succeeded(keys []Key) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, k := range keys {
		delete(g.entries, k)
	}
}

// Count is how many addresses and accounts have failures.
func (g *Guard) Count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.entries)
}
