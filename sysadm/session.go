package sysadm

import "time"

// A connection's login: its token, what the client subscribed to, and the clock.
// The three change together, below conn.mu.

// login begins a login. The one before has ended.
func (c *conn) login(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = token
	c.clock.Reset(c.server.limits.Login)
}

// logout ends the login, and its token on all connections.
func (c *conn) logout() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server.tokens.Drop(c.token)
	c.end()
}

// gone ends the login with the connection. Its token lives on for its idle time.
func (c *conn) gone() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end()
	c.clock.Stop()
}

// end forgets the login, if there is one: subscriptions and waiting events go with
// it, and the time for the next login begins.
func (c *conn) end() {
	if c.token == "" {
		return
	}
	c.token, c.kinds = "", nil
	c.events.clear()
	c.clock.Reset(c.server.limits.Login)
}

// look runs when the clock does. A token may have ended by its time, or because
// another connection that used it logged out.
func (c *conn) look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token == "" {
		c.close()
		return
	}
	if left := c.left(); left > 0 {
		c.clock.Reset(min(left, c.server.limits.Login))
	}
}

// left returns how long the token will be valid if it is not used. It ends the login
// if that is over.
func (c *conn) left() time.Duration {
	left := c.server.tokens.Left(c.token)
	if left <= 0 {
		c.end()
	}
	return left
}

// current returns the token.
func (c *conn) current() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token
}

// use returns the user who has logged in, or nil, and the token. It restarts the
// token's idle time.
func (c *conn) use() (*User, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left() <= 0 {
		return nil, ""
	}
	return c.server.tokens.Use(c.token), c.token
}

// subscribe begins or ends the sending of a kind of events, unless the login that
// asked for it is over.
func (c *conn) subscribe(token, kind string, on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != token {
		return
	}
	if c.kinds == nil {
		c.kinds = map[string]bool{}
	}
	c.kinds[kind] = on
}

func (c *conn) subscribed(kind string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kinds[kind]
}

// offer queues an event for a client that subscribed to all the kinds.
func (c *conn) offer(message func() []byte, kinds ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, kind := range kinds {
		if !c.kinds[kind] {
			return
		}
	}
	c.events.put(message())
}

// event returns the next event to be sent, or nil.
func (c *conn) event() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left() <= 0 {
		return nil
	}
	return c.events.take()
}
