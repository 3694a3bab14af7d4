package login

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func (c *clock) pass(d time.Duration) { c.Time = c.Add(d) }

func newClock() *clock { return &clock{time.Unix(1_500_000_000, 0)} }

func TestGuard(t *testing.T) {
	c := newClock()
	g := &Guard{Now: c.now}
	keys := []Key{{Name: "192.0.2.1"}, {Account: true, Name: "root"}}
	for range 4 {
		g.Failed(keys)
		require.Zero(t, g.Blocked(keys))
	}
	g.Failed(keys)
	require.Equal(t, time.Second, g.Blocked(keys))
	// Whole addresses and accounts count, not parts of them.
	for _, other := range []Key{{Name: "2.0.2.1"}, {Name: "192.0.2.11"}, {Name: "root"}, {Account: true, Name: "roo"}, {}} {
		require.Zero(t, g.Blocked([]Key{other}), other)
	}
	// Each further failure doubles the time, up to a bound.
	for n, seconds := range []int{2, 4, 8, 16, 32, 64} {
		want := time.Duration(seconds) * time.Second
		c.pass(time.Hour / 60)
		g.Failed(keys)
		require.Equal(t, want, g.Blocked(keys[:1]), n)
		require.Equal(t, min(want, 30*time.Second), g.Blocked(keys[1:]), n)
	}
	for range 100 {
		g.Failed(keys)
	}
	require.Equal(t, time.Hour, g.Blocked(keys))
	require.Equal(t, 30*time.Second, g.Blocked(keys[1:]))
	// After a block and some more time all is forgotten.
	c.pass(time.Hour + time.Second)
	require.Zero(t, g.Blocked(keys))
	g.Failed(keys)
	require.Zero(t, g.Blocked(keys))
	// The right password forgets at once.
	for range 10 {
		g.Failed(keys)
	}
	g.Succeeded(keys)
	require.Zero(t, g.Blocked(keys))
	require.Zero(t, g.Count())
}

// TestGuardIsBounded: addresses without end do not fill the memory, and do not
// wash out one that has failed often.
func TestGuardIsBounded(t *testing.T) {
	c := newClock()
	g := &Guard{Now: c.now}
	bad := []Key{{Name: "bad"}}
	for range 50 {
		g.Failed(bad)
	}
	for i := range 3 * guardEntries {
		g.Failed([]Key{{Name: fmt.Sprint(i)}})
		require.LessOrEqual(t, g.Count(), guardEntries)
	}
	require.NotZero(t, g.Blocked(bad))
}

func TestTokens(t *testing.T) {
	c := newClock()
	ts := &Tokens[string]{Idle: 15 * time.Minute, Life: time.Hour, Now: c.now}
	token := ts.Add("alice")
	require.Len(t, token, 43)
	require.NotEqual(t, token, ts.Add("alice"))
	require.Equal(t, "alice", *ts.Use(token))
	// Nothing but the whole token: not the empty one, a part, or more.
	for _, wrong := range []string{"", token[1:], token[:42], token + "x", token + token, strings.ToUpper(token), " " + token} {
		require.Nil(t, ts.Use(wrong), wrong)
		require.Zero(t, ts.Left(wrong))
	}
	require.Equal(t, 15*time.Minute, ts.Left(token))
	c.pass(time.Minute)
	require.Equal(t, 14*time.Minute, ts.Left(token))
	require.Equal(t, 14*time.Minute, ts.Left(token), "looking at it does not prolong it")
	require.Zero(t, ts.Left(token[1:]))
	require.NotNil(t, ts.Use(token))
	require.Equal(t, 15*time.Minute, ts.Left(token))
	c.pass(-time.Minute)

	// Using it keeps it alive, but not forever.
	for range 5 {
		c.pass(11 * time.Minute)
		require.NotNil(t, ts.Use(token))
	}
	require.Equal(t, 5*time.Minute, ts.Left(token))
	require.Equal(t, 1, ts.Count(), "the other one was idle")
	c.pass(5 * time.Minute)
	require.Nil(t, ts.Use(token))
	require.Zero(t, ts.Count())

	idle := ts.Add("bob")
	c.pass(15 * time.Minute)
	require.Nil(t, ts.Use(idle))
}

func TestTokenIsDropped(t *testing.T) {
	ts := &Tokens[string]{Idle: time.Hour, Life: time.Hour, Now: time.Now}
	token, other := ts.Add("alice"), ts.Add("alice")
	ts.Drop(token)
	ts.Drop("nosuch")
	require.Nil(t, ts.Use(token))
	require.NotNil(t, ts.Use(other))
}

func TestTokensAreBounded(t *testing.T) {
	c := newClock()
	ts := &Tokens[int]{Idle: time.Hour, Life: time.Hour, Now: c.now}
	first := ts.Add(-1)
	second := ts.Add(-2)
	for i := range maxTokens {
		c.pass(time.Millisecond)
		require.NotNil(t, ts.Use(second))
		ts.Add(i)
	}
	require.Equal(t, maxTokens, ts.Count())
	require.Nil(t, ts.Use(first), "unused for the longest time")
	require.NotNil(t, ts.Use(second))
}

func TestChallenge(t *testing.T) {
	c := newClock()
	x := NewChallenge(c.now())
	require.Regexp(t, "^[A-Za-z0-9]{20}$", x.Text)
	require.NotEqual(t, x.Text, NewChallenge(c.now()).Text)
	require.True(t, x.Good(c.now()))
	c.pass(29 * time.Second)
	require.True(t, x.Good(c.now()))
	c.pass(time.Second)
	require.False(t, x.Good(c.now()))
	require.False(t, Challenge{}.Good(c.now()))
}
