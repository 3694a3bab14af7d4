package sysadm

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/libioc/go-libioc/internal/login"
)

// conn is one WebSocket client.
type conn struct {
	api    Dialect
	peer   string
	events *queue
	slots  chan struct{} // one entry per running call
	close  context.CancelFunc

	write sync.Mutex // one message at a time

	mu    sync.Mutex
	ws    *websocket.Conn // nil until the handshake is over
	token string
	sign  login.Challenge
	clock *time.Timer // of the login
}

// websocket serves one client until it leaves. Calls run in parallel, so answers
// may come in another order; logins and identify are answered before the next
// message is read.
func (s *Server) websocket(w http.ResponseWriter, r *http.Request, d Dialect) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	c := &conn{
		api: d, peer: peerOf(r), close: cancel, events: newQueue(s.limits.Queue),
		slots: make(chan struct{}, s.limits.PerClient),
	}
	if s.stopping() || !s.hub.add(c) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer s.hub.remove(c)
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // originAllowed has checked it
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		return // Accept has answered
	}
	defer ws.CloseNow()
	ws.SetReadLimit(s.limits.Message)
	c.clock = time.AfterFunc(s.limits.Login, cancel)
	defer c.clock.Stop()
	defer func() { s.tokens.Drop(c.logout(), true) }()
	c.ready(ws)

	var calls sync.WaitGroup
	defer calls.Wait()
	calls.Go(func() { c.sendEvents(ctx, s.limits.Write) })
	defer cancel()
	for {
		_, message, err := ws.Read(ctx)
		if err != nil {
			return
		}
		if !s.message(ctx, c, message, &calls) {
			ws.Close(websocket.StatusPolicyViolation, "bad request")
			return
		}
	}
}

// message handles one message; false ends the connection.
func (s *Server) message(ctx context.Context, c *conn, message []byte, calls *sync.WaitGroup) bool {
	r, good := decode(message, false)
	r.api, r.peer, r.conn = c.api, c.peer, c
	if !good {
		c.send(ctx, s.limits.Write, encode(r.reply(refuse(http.StatusBadRequest)), false))
		// A message that does not even begin like an object is for a relay, which
		// this server is not.
		return len(message) > 0 && message[0] == '{'
	}
	if !s.enter() {
		return false
	}
	if open(&r) {
		defer s.calls.Done()
		s.answer(ctx, c, &r)
		return true
	}
	if token := c.current(); token != "" {
		r.user = s.tokens.Use(token)
	}
	// Reading waits while too many calls of the client are running.
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		s.calls.Done()
		return false
	}
	calls.Go(func() {
		defer s.calls.Done()
		defer func() { <-c.slots }()
		s.answer(ctx, c, &r)
	})
	return true
}

func (s *Server) answer(ctx context.Context, c *conn, r *request) {
	if a := s.call(ctx, r); !a.none {
		c.send(ctx, s.limits.Write, encode(r.reply(a), false))
	}
}

// send writes a message. A client that does not read it in time is disconnected:
// it would miss an answer.
func (c *conn) send(ctx context.Context, limit time.Duration, message []byte) {
	c.write.Lock()
	defer c.write.Unlock()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if c.ws.Write(ctx, websocket.MessageText, message) != nil {
		c.close()
	}
}

func (c *conn) sendEvents(ctx context.Context, limit time.Duration) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.events.wake:
		}
		for m := c.events.take(); m != nil && ctx.Err() == nil; m = c.events.take() {
			c.send(ctx, limit, m)
		}
	}
}

func (c *conn) login(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = token
	c.clock.Stop()
}

// logout forgets the login and returns its token.
func (c *conn) logout() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	token := c.token
	c.token = ""
	return token
}

func (c *conn) current() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token
}

// test replaces the text to sign and returns the one before.
func (c *conn) test(next login.Challenge) login.Challenge {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.sign
	c.sign = next
	return last
}

func (c *conn) ready(ws *websocket.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ws = ws
}

// goAway closes the connection because the server shuts down. It does not wait.
func (c *conn) goAway() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ws == nil {
		c.close()
		return
	}
	go c.ws.Close(websocket.StatusGoingAway, "shutting down")
	time.AfterFunc(time.Second, c.close) // for a client that does not answer
}

func (s *Server) stopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}
