package sysadm

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/libioc/go-libioc/internal/catch"
	"github.com/libioc/go-libioc/internal/login"
)

// conn is one WebSocket client.
type conn struct {
	api     Dialect
	peer    string
	network string // of the peer
	server  *Server
	events  *queue
	slots   slots   // of the running calls
	asked   backlog // of the calls without an answer
	close   context.CancelFunc

	write sync.Mutex // one message at a time

	mu    sync.Mutex
	ws    *websocket.Conn // nil until the handshake is over
	token string          // empty before the login and after its end
	kinds map[string]bool // of event, whether the client subscribed; of this login
	sign  login.Challenge
	clock *time.Timer // runs out without a login, and looks whether the token is still valid
}

// websocket serves one client until it leaves. Calls run in parallel, so answers
// may come in another order; logins and identify are answered before the next
// message is read.
func (s *Server) websocket(w http.ResponseWriter, r *http.Request, d Dialect) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	peer := s.peerOf(r)
	c := &conn{
		api: d, peer: peer, network: networkOf(peer), server: s, close: cancel, events: newQueue(s.limits.Queue),
		slots: newSlots(s.limits.PerClient), asked: newBacklog(s.limits),
	}
	// Calls that hang outlive the connection, which counts no longer.
	var calls sync.WaitGroup
	defer calls.Wait()
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
	c.ready(ws)
	defer c.gone()

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
	r, good := decode(message)
	r.api, r.peer, r.conn = c.api, c.peer, c
	if !good {
		c.send(ctx, s.limits.Write, encode(r.reply(refuse(http.StatusBadRequest)), false))
		// A message that does not even begin like an object is for a relay, which
		// this server is not.
		return len(message) > 0 && message[0] == '{'
	}
	if open(&r) {
		if !s.enter() {
			return false
		}
		defer s.calls.Done()
		s.answer(ctx, c, &r)
		return true
	}
	r.user, r.token = c.use()
	// Reading waits while too many calls of the client have no answer.
	answered := c.asked.add(ctx, message)
	if answered == nil || s.stopping() {
		return false
	}
	calls.Go(func() {
		defer answered()
		k := kindOf(&r)
		if !c.slots.take(ctx, k) {
			return
		}
		defer c.slots.give(k)
		if !s.enter() {
			return // the connection is about to be closed
		}
		defer s.calls.Done()
		s.answer(ctx, c, &r)
	})
	return true
}

func (s *Server) answer(ctx context.Context, c *conn, r *request) {
	var a answer
	err := catch.Panic(func() error { a = s.call(ctx, r); return nil })
	if err != nil {
		s.log.Error("call", "peer", r.peer, "error", err)
		a = refuse(http.StatusInternalServerError)
	}
	if !a.none {
		c.send(ctx, s.limits.Write, encode(r.reply(a), false))
	}
}

// send writes a message. A client that does not read it in time is disconnected:
// it would miss an answer.
func (c *conn) send(ctx context.Context, limit time.Duration, message []byte) {
	c.write.Lock()
	defer c.write.Unlock()
	c.put(ctx, limit, message)
}

func (c *conn) put(ctx context.Context, limit time.Duration, message []byte) {
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
		for ctx.Err() == nil && c.sendEvent(ctx, limit) {
		}
	}
}

// sendEvent sends the next event, if there is one. It is taken when it is its turn:
// no event follows the answer to a call that was made after the end of the login.
func (c *conn) sendEvent(ctx context.Context, limit time.Duration) bool {
	c.write.Lock()
	defer c.write.Unlock()
	m := c.event()
	if m != nil {
		c.put(ctx, limit, m)
	}
	return m != nil
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
	c.clock = time.AfterFunc(c.server.limits.Login, c.look)
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
