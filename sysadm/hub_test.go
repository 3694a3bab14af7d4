package sysadm

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
)

// TestQueue: what does not fit is dropped, and the mark stands where it would
// have been.
func TestQueue(t *testing.T) {
	q := newQueue(3)
	mark := func(n int) string {
		return fmt.Sprintf(`{"args":{"dropped":"%d","state":"overflow"},"id":"","name":"dispatcher","namespace":"events"}`, n)
	}
	take := func() string { return string(q.take()) }
	for i := range 5 {
		q.put(fmt.Append(nil, i))
	}
	require.Equal(t, "0", take())
	require.Equal(t, "1", take())
	q.put([]byte("5"))
	for _, want := range []string{"2", mark(2), "5", ""} {
		require.Equal(t, want, take())
	}
	// Nothing follows the dropped events: the mark stands alone.
	for i := range 4 {
		q.put(fmt.Append(nil, i))
	}
	for _, want := range []string{"0", "1", "2", mark(1), ""} {
		require.Equal(t, want, take())
	}
	require.Equal(t, uint64(3), q.lost())
	require.Nil(t, q.list, "an empty queue holds no memory")
}

// TestNoWaitingEventsAfterTheLogin: what waits for a client that does not read is
// forgotten with its login, and a subscription that comes late is not taken over by
// the next one. Before, both were still sent.
func TestNoWaitingEventsAfterTheLogin(t *testing.T) {
	s, err := New(Options{Host: new(host.Host), Auth: struct{ Authenticator }{}})
	require.NoError(t, err)
	now := time.Now()
	s.tokens.Now = func() time.Time { return now }
	message := func() []byte { return []byte("x") }
	for _, end := range []func(c *conn){
		(*conn).logout,
		func(c *conn) { s.tokens.Drop(c.token) },
		func(*conn) { now = now.Add(s.limits.TokenIdle) },
	} {
		c := &conn{server: s, events: newQueue(10), clock: time.AfterFunc(time.Hour, func() {})}
		begin := func() string {
			token := s.tokens.Add(User{})
			c.login(token)
			return token
		}
		token := begin()
		c.subscribe(token, "dispatcher", true)
		for range 3 {
			c.offer(message, "dispatcher")
		}
		require.Equal(t, "x", string(c.event()))
		end(c)
		require.Nil(t, c.event())
		c.subscribe(token, "dispatcher", true)
		begin()
		c.offer(message, "dispatcher")
		require.Nil(t, c.event())
		c.gone()
	}
}
