package sysadm

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/libioc/go-libioc/jail"
)

// Action describes one action of the class.
type Action struct {
	Name string
	Role Role
	// Exec reports whether the permission to run commands is needed as well.
	Exec bool
	// Dialects are those whose documents have the action. It is available in
	// every dialect.
	Dialects []Dialect
	// Job reports whether the answer names a job instead of waiting for its end.
	Job  bool
	Args []Arg
	Doc  string

	// strict actions answer 400 to a missing argument; those of 2016 answer
	// {"error":"Missing required keys"}.
	strict bool
	asks   bool // a mirror or the plugin index, which may not answer
	run    func(s *Server, ctx context.Context, c *call) (any, error)
}

// Arg is one argument of an action.
type Arg struct {
	Name     string
	Required bool
	List     bool // an array of strings, or one string
	Doc      string
}

// Actions returns all actions, sorted by name.
func Actions() []Action {
	var out []Action
	for _, name := range slices.Sorted(maps.Keys(actions)) {
		a := actions[name]
		a.Name = name
		out = append(out, a)
	}
	return out
}

// call is one request for an action.
type call struct {
	user *User
	api  Dialect
	conn *conn // nil with REST
	args map[string]json.RawMessage

	// The action sets these.
	target string // what it is about, for the audit log and in errors
	failed bool   // it failed, and the answer says so instead of an error
	reason error  // why it failed, for the log
}

// arg returns a string argument, or "" if it is missing.
func (c *call) arg(name string) string {
	s, _ := text(c.args[name])
	return s
}

// jailArg returns the argument that names a jail; unreleased servers called it
// jail_uuid.
func (c *call) jailArg() string {
	if name := c.arg("jail"); name != "" {
		return name
	}
	return c.arg("jail_uuid")
}

// has reports whether an argument is present and of its type.
func (c *call) has(a Arg) bool {
	switch list, ok := texts(c.args[a.Name]); {
	case a.Name == "jail":
		return c.jailArg() != ""
	case a.List:
		return ok && len(list) > 0 && list[0] != ""
	}
	return c.arg(a.Name) != ""
}

// errBadRequest is answered with 400.
var errBadRequest = errors.New("bad request")

// toolError is an error in the words of iocage's own tool.
type toolError string

func (e toolError) Error() string { return "  ERROR: " + string(e) }

// errMissing is the API's text for a missing required argument.
const errMissing = toolLine("Missing required keys")

// iocage answers an action of the class.
func (s *Server) iocage(ctx context.Context, r *request, begun time.Time) answer {
	args, ok := members(r.args)
	if !ok {
		return refuse(http.StatusBadRequest)
	}
	name, _ := text(args["action"])
	a, known := actions[name]
	if raw, has := args["api"]; has {
		api, _ := text(raw)
		d, err := ParseDialect(api)
		if err != nil {
			return refuse(http.StatusBadRequest)
		}
		r.api = d
	}
	if !known {
		s.observe(r, "other", refuse(http.StatusBadRequest), false, begun)
		return refuse(http.StatusBadRequest)
	}
	c := &call{user: r.user, api: r.api, conn: r.conn, args: args}
	c.target = c.jailArg()
	out, result := s.run(ctx, a, c)
	if m, ok := out.args.(object); ok && !out.failed() {
		out.args = object{name: m}
	}
	level := s.log.Info
	if a.Role == RoleRead && result == "ok" {
		level = s.log.Debug
	}
	attrs := []any{"user", r.user.Name, "peer", r.peer, "action", name, "target", c.target, "result", result}
	if c.reason != nil {
		attrs = append(attrs, "reason", c.reason)
	}
	level("action", attrs...)
	s.observe(r, "sysadm/iocage/"+name, out, result == "failed", begun)
	return out
}

// run runs the action if the user is allowed to, and turns its error into an
// answer.
func (s *Server) run(ctx context.Context, a Action, c *call) (answer, string) {
	if c.user.Role < a.Role || a.Exec && !s.mayExec(c.user) {
		return refuse(http.StatusForbidden), "forbidden"
	}
	for _, arg := range a.Args {
		if raw := c.args[arg.Name]; !arg.List && len(raw) > 0 && (raw[0] == '[' || raw[0] == '{') {
			return refuse(http.StatusBadRequest), "bad request"
		}
		if !arg.Required || c.has(arg) {
			continue
		}
		if a.strict {
			return refuse(http.StatusBadRequest), "bad request"
		}
		return ok(object{"error": errMissing.Error()}), "failed"
	}
	if !s.slots.take(ctx, a.kind()) {
		return refuse(http.StatusServiceUnavailable), "gone"
	}
	defer s.slots.give(a.kind())
	if a.Role != RoleRead {
		// Changes are completed even if the client goes away.
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, s.limits.Action)
	defer cancel()
	out, err := a.run(s, ctx, c)
	switch {
	case errors.Is(err, errBadRequest):
		return refuse(http.StatusBadRequest), "bad request"
	case errors.Is(err, errForbidden):
		return refuse(http.StatusForbidden), "forbidden"
	case err != nil:
		c.reason = err
		return ok(object{"error": c.words(err)}), "failed"
	}
	if c.failed {
		return ok(out), "failed"
	}
	return ok(out), "ok"
}

// words returns an error's text, in the words of iocage's tool if it had any.
func (c *call) words(err error) string {
	if errors.Is(err, jail.ErrNotFound) {
		return toolError(c.target + " was not found!").Error()
	}
	return err.Error()
}
