package sysadm

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const contentType = "text/json; charset=utf-8"

// rest answers one request of the REST form: PUT /sysadm/iocage and, as in the
// original, any path whose first and last elements name the class. POST is also
// accepted, and GET for actions that change nothing.
func (s *Server) rest(w http.ResponseWriter, r *http.Request, d Dialect) {
	switch r.Method {
	case http.MethodOptions, http.MethodHead:
		w.Header().Set("Accept", "text/json")
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Allow", "HEAD, GET, OPTIONS, POST, PUT")
		w.WriteHeader(http.StatusOK)
		return
	case http.MethodPut, http.MethodPost, http.MethodGet:
	default:
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	namespace, name, ok := classOf(r.URL.Path)
	if !ok {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	begun := time.Now()
	req := request{namespace: namespace, name: name, api: d, peer: s.peerOf(r)}
	a := s.restAnswer(w, r, &req)
	if r.Method == http.MethodGet && a.code == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", "PUT, POST")
	}
	if a.code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="SysAdm", charset="UTF-8"`)
		if a.retry > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(a.retry))
		}
		s.observe(&req, "rpc/auth", a, false, begun)
		w.WriteHeader(a.code)
		return
	}
	if a.failed() {
		a.args = object{}
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(a.code)
	_, _ = w.Write(encode(object{"args": a.args}, true)) // fails if the client has gone
}

func (s *Server) restAnswer(w http.ResponseWriter, r *http.Request, req *request) answer {
	// The deadline also covers what is left unread of a body. A test's writer may
	// not support deadlines.
	control := http.NewResponseController(w)
	control.SetReadDeadline(time.Now().Add(s.limits.Body))
	if !open(req) {
		// Before the body is read: without a login no memory is used.
		if login := s.basic(r, req); login.failed() {
			return login
		}
	}
	if r.Method == http.MethodPost && !jsonBody(r) {
		// A form of another site can send POST, but not with this type.
		return refuse(http.StatusUnsupportedMediaType)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.limits.Message))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return refuse(http.StatusRequestEntityTooLarge)
	case err != nil:
		return refuse(http.StatusRequestTimeout)
	}
	control.SetReadDeadline(time.Time{})
	control.SetWriteDeadline(time.Now().Add(s.limits.Action + s.limits.Write))
	in, ok := decode(body)
	if !ok {
		return refuse(http.StatusBadRequest)
	}
	req.args = in.args
	if r.Method == http.MethodGet && changes(req) {
		return refuse(http.StatusMethodNotAllowed)
	}
	return s.call(r.Context(), req)
}

// classOf splits a path: the first element is the namespace, the last one the
// name.
func classOf(path string) (namespace, name string, ok bool) {
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	if len(parts) < 2 {
		return "", "", false
	}
	return strings.ToLower(parts[0]), strings.ToLower(parts[len(parts)-1]), true
}

func jsonBody(r *http.Request) bool {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && (t == "application/json" || t == "text/json")
}

// changes reports whether the call changes something.
func changes(r *request) bool {
	if r.namespace == "rpc" {
		args, _ := members(r.args)
		name, _ := text(args["action"])
		return r.name == "dispatcher" && name != "list"
	}
	return kindOf(r) == kindChange
}

// basic checks the login of a REST request.
func (s *Server) basic(r *http.Request, req *request) answer {
	name, password, ok := r.BasicAuth()
	if !ok {
		return refuse(http.StatusUnauthorized)
	}
	user, a := s.login(r.Context(), req.peer, name, password)
	req.user = user
	return a
}
