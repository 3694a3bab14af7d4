package sysadm_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/sysadm"
)

const (
	subscribeMessage = `{"namespace":"events","name":"subscribe","id":"s","args":["dispatcher","progress"]}`
	clearMessage     = `{"namespace":"rpc","name":"auth_clear","id":"c","args":{}}`
	queryMessage     = `{"namespace":"rpc","name":"query","id":"q","args":{}}`
)

func loginMessage(user, password string) string {
	return `{"namespace":"rpc","name":"auth","id":"a","args":{"username":"` + user + `","password":"` + password + `"}}`
}

func tokenMessage(token string) string {
	return `{"namespace":"rpc","name":"auth_token","id":"t","args":{"token":"` + token + `"}}`
}

// tokenOf returns the token in the answer to a login.
func tokenOf(t *testing.T, answer string) string {
	t.Helper()
	var m struct{ Args []any }
	require.NoError(t, json.Unmarshal([]byte(answer), &m), answer)
	require.Len(t, m.Args, 2)
	return m.Args[0].(string)
}

// eventWorld has jobs that end at once.
func eventWorld(t *testing.T) *world {
	w := newWorld(t)
	s := newStage()
	close(s.end)
	w.opts.Plugins = s
	w.opts.Limits.JobsPerUser = 1000
	return w
}

var jobNumber atomic.Int64

// job runs a job to its end, as seen by a subscriber.
func (w *world) job(witness *client) {
	w.t.Helper()
	name := fmt.Sprintf("p%d", jobNumber.Add(1))
	code, text := w.rest("root", plugin(name))
	require.Equal(w.t, http.StatusOK, code, text)
	witness.finished(name)
}

// finished reads up to the end of a job, or of any.
func (c *client) finished(name string) {
	c.t.Helper()
	for {
		m := c.next()
		if strings.Contains(m, `"state":"finished"`) && (name == "" || strings.Contains(m, `fetch_plugin_`+name+`"`)) {
			return
		}
	}
}

// TestNoEventsAfterTheLogin: events end with the login that subscribed to them,
// however it ends, and do not come back with the next one. Before, they went on for
// as long as the connection did.
func TestNoEventsAfterTheLogin(t *testing.T) {
	w := eventWorld(t)
	witness := w.dial("rita")
	witness.call(subscribeMessage)
	for _, c := range []struct {
		name string
		end  func(c *client, token string)
	}{
		{"auth_clear", func(c *client, _ string) {
			c.send(clearMessage) // has no answer
			require.Contains(t, c.call(queryMessage), `"401"`)
		}},
		{"a wrong login", func(c *client, _ string) {
			require.Contains(t, c.call(loginMessage("rita", "x")), `"401"`)
			w.server.ForgetFailures()
		}},
		{"a wrong token", func(c *client, _ string) {
			require.Contains(t, c.call(tokenMessage("x")), `"401"`)
			w.server.ForgetFailures()
		}},
		{"auth_clear on another connection", func(_ *client, token string) {
			other := w.dial("")
			require.Contains(t, other.call(tokenMessage(token)), token)
			other.send(clearMessage)
			require.Contains(t, other.call(queryMessage), `"401"`)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := w.dial("")
			token := tokenOf(t, client.call(loginMessage("rita", "atir")))
			require.Contains(t, client.call(subscribeMessage), `"subscribe":"progress"`)
			subscribers := w.server.Stats().Subscribers
			c.end(client, token)
			w.job(witness)
			// Whatever had been sent would come before the answer.
			require.Contains(t, client.call(queryMessage), `"401"`)
			require.Equal(t, subscribers-1, w.server.Stats().Subscribers)
			client.call(loginMessage("olga", "aglo"))
			w.job(witness)
			require.Contains(t, client.call(queryMessage), `"rpc/query"`)
			client.call(subscribeMessage)
			w.job(client)
		})
	}
}

// TestNoEventsAfterTheToken: a token that nobody uses ends by itself, and the events
// with it. One that is renewed keeps its subscriptions. Before, the events went on.
func TestNoEventsAfterTheToken(t *testing.T) {
	t.Parallel()
	w := eventWorld(t)
	w.opts.Limits.TokenIdle = 2 * time.Second
	witness := w.dial("rita")
	witness.call(subscribeMessage)
	lazy, keen := w.dial("rita"), w.dial("")
	token := tokenOf(t, keen.call(loginMessage("rita", "atir")))
	lazy.call(subscribeMessage)
	keen.call(subscribeMessage)
	w.job(witness)
	for _, c := range []*client{lazy, keen} {
		c.finished("")
	}
	for range 5 {
		time.Sleep(500 * time.Millisecond)
		require.Contains(t, witness.call(queryMessage), `"rpc/query"`)
		require.Contains(t, keen.call(tokenMessage(token)), token)
	}
	w.job(witness)
	require.Contains(t, lazy.call(queryMessage), `"401"`)
	require.Contains(t, keen.next(), `"state":"running"`)

	// The token outlives its connection by its idle time.
	tokens := w.server.Stats().Tokens
	keen.ws.CloseNow()
	require.Never(t, func() bool { return w.server.Stats().Tokens < tokens }, time.Second, 50*time.Millisecond)
	require.Eventually(t, func() bool { return w.server.Stats().Tokens < tokens }, 5*time.Second, 10*time.Millisecond)
}

// TestLoginClock: a connection without a login ends after Limits.Login, also when its
// login has ended, and wrong logins do not prolong that. Before, the clock ran once.
func TestLoginClock(t *testing.T) {
	t.Parallel()
	const login = 500 * time.Millisecond
	for _, c := range []struct {
		name   string
		end    func(w *world, c *client, token string) // of the login
		silent bool                                    // then; otherwise it tries wrong logins
		most   time.Duration
	}{
		{"auth_clear", func(_ *world, c *client, _ string) { c.send(clearMessage) }, false, login},
		{"auth_clear, then silence", func(_ *world, c *client, _ string) { c.send(clearMessage) }, true, login},
		{"a wrong login", func(_ *world, c *client, _ string) { c.call(loginMessage("rita", "x")) }, false, login},
		{"auth_clear on another connection", func(w *world, _ *client, token string) {
			other := w.dial("")
			other.call(tokenMessage(token))
			other.send(clearMessage)
		}, true, 2 * login},
		{"the end of the token", func(w *world, _ *client, _ string) { time.Sleep(w.opts.Limits.TokenIdle) }, true, 2 * login},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.opts.Limits.Login = login
			w.opts.Limits.TokenIdle = 2 * time.Second
			client := w.dial("")
			token := tokenOf(t, client.call(loginMessage("rita", "atir")))
			// The first clock would end it by now.
			time.Sleep(login + login/2)
			require.Contains(t, client.call(queryMessage), `"rpc/query"`)
			c.end(w, client, token)
			begun := time.Now()
			if c.silent {
				_, err := client.read(10 * time.Second)
				require.NotErrorIs(t, err, errSilence)
			}
			for !c.silent && time.Since(begun) < 10*time.Second {
				w.server.ForgetFailures()
				if client.ws.Write(t.Context(), websocket.MessageText, []byte(loginMessage("rita", "x"))) != nil {
					break
				}
				if _, err := client.read(5 * time.Second); err != nil {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			took := time.Since(begun)
			require.Less(t, took, c.most+2*time.Second)
			require.Greater(t, took, login/4, "there is time for the next login")
			require.Eventually(t, func() bool { return w.server.Stats().Connections == 0 }, 5*time.Second, 10*time.Millisecond)
		})
	}
}

// TestShareBeforeLogin: one address has a share of the connections before a login;
// the others are for other addresses, and for those who log in. Before, one address
// could have them all, again and again.
func TestShareBeforeLogin(t *testing.T) {
	w := newWorld(t)
	w.opts.Limits.Connections = 80 // of which 10 are its share
	w.opts.Limits.Login = time.Minute
	dial := func() (*websocket.Conn, int) {
		ws, a, err := websocket.Dial(t.Context(), w.serve().URL, nil)
		if err != nil {
			return nil, a.StatusCode
		}
		t.Cleanup(func() { ws.CloseNow() })
		return ws, a.StatusCode
	}
	var silent []*websocket.Conn
	for range 200 {
		ws, code := dial()
		if ws == nil {
			require.Equal(t, http.StatusServiceUnavailable, code)
			break
		}
		silent = append(silent, ws)
	}
	require.Len(t, silent, 10)
	require.Equal(t, 10, w.server.Stats().Connections)

	// Another address has its own share.
	require.True(t, w.server.Admits("192.0.2.1"))
	require.False(t, w.server.Admits("127.0.0.1"))

	// Each that logs in makes room for the next, until all are taken.
	silent[0].CloseNow()
	require.Eventually(t, func() bool { return w.server.Admits("127.0.0.1") }, 5*time.Second, time.Millisecond)
	var in []*client
	for range 80 - 9 {
		in = append(in, w.dial("rita"))
	}
	require.Equal(t, 80, w.server.Stats().Connections)
	require.False(t, w.server.Admits("192.0.2.1"))

	// One that logs out counts again.
	in[0].ws.CloseNow()
	require.Eventually(t, func() bool { return w.server.Stats().Connections == 79 }, 5*time.Second, time.Millisecond)
	require.True(t, w.server.Admits("127.0.0.1"))
	in[1].send(clearMessage)
	in[1].call(queryMessage)
	require.False(t, w.server.Admits("127.0.0.1"))
	require.True(t, w.server.Admits("192.0.2.1"))
}

// TestNetworks: what counts as one address.
func TestNetworks(t *testing.T) {
	for peer, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1",
		"2001:db8::1": "2001:db8::/64", "2001:db8:0:0:ffff::2": "2001:db8::/64", "2001:db8:0:1::1": "2001:db8:0:1::/64",
		"fe80::1%em0": "fe80::/64", "@": "@", "": "",
	} {
		require.Equal(t, want, sysadm.NetworkOf(peer), peer)
	}
}
