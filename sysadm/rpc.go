package sysadm

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/libioc/go-libioc/internal/login"
)

// open reports whether a call needs no login. REST sends one with every request.
func open(r *request) bool {
	return r.namespace == "rpc" && (r.name == "identify" || r.conn != nil && strings.HasPrefix(r.name, "auth"))
}

// call answers any request.
func (s *Server) call(ctx context.Context, r *request) answer {
	begun := time.Now()
	what := r.namespace + "/" + r.name
	var a answer
	switch {
	case r.namespace == "" || r.name == "":
		a, what = refuse(http.StatusBadRequest), "other"
	case what == "rpc/identify":
		a = s.identify()
	case r.namespace == "rpc" && strings.HasPrefix(r.name, "auth") && r.conn != nil:
		a, what = s.auth(ctx, r), "rpc/auth"
	case r.user == nil:
		a, what = refuse(http.StatusUnauthorized), "other"
	case what == "rpc/query":
		a = s.query(r)
	case what == "rpc/dispatcher":
		a = s.dispatcher(r)
	case r.namespace == "events" && r.conn != nil:
		a, what = s.subscription(r), "events"
	case what == "sysadm/iocage":
		return s.iocage(ctx, r, begun) // observes the call itself
	default:
		a, what = refuse(http.StatusNotFound), "other"
	}
	s.observe(r, what, a, false, begun)
	return a
}

func (s *Server) identify() answer {
	name, err := os.Hostname()
	if err != nil {
		name = "localhost"
	}
	return ok(object{"hostname": name, "type": "server"})
}

// query lists the classes and the user's access to them.
func (s *Server) query(r *request) answer {
	word := func(needed Role) string {
		if r.user.Role >= needed {
			return "read/write"
		}
		return "read"
	}
	return ok(object{
		"rpc/dispatcher": word(RoleAdmin), "rpc/query": "read", "sysadm/iocage": word(RoleOperate),
	})
}

// auth answers the calls that log a connection in and out.
func (s *Server) auth(ctx context.Context, r *request) answer {
	args, _ := members(r.args)
	get := func(name string) string { v, _ := text(args[name]); return v }
	// The connection's old login ends in any case, unless auth_token renews it.
	renewed := r.name == "auth_token" && r.conn.current() == get("token")
	if !renewed {
		r.conn.logout()
	}
	switch r.name {
	case "auth":
		user, a := s.login(ctx, r.peer, get("username"), get("password"))
		return s.loggedIn(r, user, a)
	case "auth_token":
		token := get("token")
		_, a := s.checkLogin(ctx, r.peer, "", func() (User, error) {
			if u := s.tokens.Use(token); u != nil {
				return *u, nil
			}
			return User{}, ErrLogin
		})
		if a.failed() {
			r.conn.logout()
			return a
		}
		if renewed {
			return tokenAnswer(token, s.tokens.Left(token))
		}
		return s.hold(r, token)
	case "auth_ssl":
		return s.authKey(ctx, r, args)
	case "auth_clear":
		return answer{code: http.StatusOK, none: true}
	}
	return refuse(http.StatusUnauthorized)
}

func (s *Server) loggedIn(r *request, user *User, a answer) answer {
	if a.failed() {
		return a
	}
	token := s.tokens.Add(*user)
	s.log.Info("login", "user", user.Name, "peer", r.peer, "result", "ok")
	return s.hold(r, token)
}

// hold makes the token the connection's login.
func (s *Server) hold(r *request, token string) answer {
	left := s.tokens.Left(token)
	r.conn.login(token)
	return tokenAnswer(token, left)
}

func tokenAnswer(token string, left time.Duration) answer {
	return ok([]any{token, int(left.Round(time.Second).Seconds())})
}

// authKey is the login with a key, in two calls: the first returns a text, the
// second sends it back, encrypted with the private key.
func (s *Server) authKey(ctx context.Context, r *request, args map[string]json.RawMessage) answer {
	keys, able := s.opts.Auth.(KeyAuthenticator)
	if !able {
		return refuse(http.StatusUnauthorized)
	}
	encrypted, second := text(args["encrypted_string"])
	if !second {
		c := login.NewChallenge(time.Now())
		r.conn.test(c)
		return ok(object{"test_string": c.Text})
	}
	c := r.conn.test(login.Challenge{}) // good once
	user, a := s.checkLogin(ctx, r.peer, "", func() (User, error) {
		signature, err := base64.StdEncoding.DecodeString(encrypted)
		if err != nil || !c.Good(time.Now()) {
			return User{}, ErrLogin
		}
		return keys.AuthenticateKey(ctx, []byte(c.Text), signature)
	})
	return s.loggedIn(r, user, a)
}

// dispatcher lists and ends jobs. The original also ran commands for clients; here
// that is forbidden.
func (s *Server) dispatcher(r *request) answer {
	args, _ := members(r.args)
	action, _ := text(args["action"])
	switch action {
	case "list":
		return ok(object{"jobs": s.jobs.list()})
	case "kill":
		if r.user.Role < RoleAdmin {
			return refuse(http.StatusForbidden)
		}
		ids, given := texts(args["job_id"])
		if !given {
			return refuse(http.StatusBadRequest)
		}
		killed := s.jobs.kill(ids)
		s.log.Info("action", "user", r.user.Name, "peer", r.peer, "action", "kill",
			"target", strings.Join(killed, " "), "result", "ok")
		return ok(object{"killed": object{"jobs": killed}})
	case "run":
		return refuse(http.StatusForbidden)
	}
	return refuse(http.StatusBadRequest)
}

// subscription starts or ends the sending of events. The answer names the last
// known kind in the request. Unknown kinds are ignored: they belong to other
// classes.
func (s *Server) subscription(r *request) answer {
	kinds, given := texts(r.args)
	if r.name != "subscribe" && r.name != "unsubscribe" || !given || len(kinds) == 0 {
		return refuse(http.StatusBadRequest)
	}
	out := object{}
	for _, kind := range kinds {
		if slices.Contains([]string{"dispatcher", "progress", "life-preserver", "system-state"}, kind) {
			r.conn.subscribe(r.token, kind, r.name == "subscribe")
			out[r.name] = kind
		}
	}
	return ok(out)
}
