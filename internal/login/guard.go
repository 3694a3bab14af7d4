package login

import (
	"sync"
	"time"
)

// Guard counts failed logins, by address and by account. After five failures each
// further one doubles the time during which the next login is refused: up to an hour
// for an address, half a minute for an account, so that strangers cannot lock a user
// out for long.
type Guard struct {
	Now func() time.Time // the current time, usually time.Now

	mu      sync.Mutex
	entries map[Key]failures
}

// Key is an address or an account for which failures are counted.
type Key struct {
	Account bool // otherwise an address
	Name    string
}

type failures struct {
	count int
	last  time.Time // time of the last failure
	until time.Time // refused until then
}

const (
	freeLogins   = 5
	forgetLogins = 10 * time.Minute // after the last failure and any block
	guardEntries = 1 << 16
	maxAddress   = time.Hour
	maxAccount   = 30 * time.Second
)

// Blocked returns how long to wait before the next login; 0 if it may be tried now.
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
	// Drop entries that would be forgotten anyway, then those with few failures.
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

// Succeeded forgets all failures of the keys.
func (g *Guard) Succeeded(keys []Key) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, k := range keys {
		delete(g.entries, k)
	}
}

// Count returns how many addresses and accounts have failures.
func (g *Guard) Count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.entries)
}
