package sysadm

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// request is one call, by either transport.
type request struct {
	namespace, name string // in lower case
	spelled, space  string // the name and the namespace as the client wrote them
	id              string
	args            json.RawMessage
	api             Dialect
	user            *User  // nil before the login
	token           string // of the login, for calls of a WebSocket
	peer            string
	conn            *conn // nil for REST
}

// answer is the answer to a call. Code is an HTTP status; anything but 200 is an
// error of the transport, and WebSocket clients do not get its args.
type answer struct {
	code int
	args any
	// none means that no answer is sent, as for auth_clear.
	none bool
	// retry is the number of seconds that a blocked login has to wait.
	retry int
}

func ok(args any) answer      { return answer{code: http.StatusOK, args: args} }
func refuse(code int) answer  { return answer{code: code, args: object{}} }
func (a answer) failed() bool { return a.code != http.StatusOK }

// envelope is a message of the WebSocket form.
type envelope struct {
	Args      any    `json:"args"`
	ID        string `json:"id"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// reply wraps an answer for the WebSocket.
func (r *request) reply(a answer) envelope {
	if a.failed() {
		return envelope{
			// The words of the status line: "Not Found", "Bad Request".
			Args: object{"code": strconv.Itoa(a.code), "message": http.StatusText(a.code)},
			ID:   r.id, Name: "error", Namespace: "error",
		}
	}
	name := "response"
	if r.id == "" {
		name = r.spelled // as the original server, for clients that match by name
	}
	return envelope{Args: a.args, ID: r.id, Name: name, Namespace: r.space}
}

// decode reads the JSON object of a message. An object without args is itself the args.
func decode(data []byte) (request, bool) {
	var r request
	m, ok := members(data)
	if !ok {
		return r, false
	}
	args, has := m["args"]
	if !has {
		args = data
	}
	r.space, _ = text(m["namespace"])
	r.spelled, _ = text(m["name"])
	r.namespace, r.name = strings.ToLower(r.space), strings.ToLower(r.spelled)
	r.id, _ = text(m["id"])
	r.args = args
	return r, true
}

// members reads a JSON object, which is UTF-8; the case of keys is kept.
func members(data []byte) (map[string]json.RawMessage, bool) {
	var m map[string]json.RawMessage
	err := json.Unmarshal(data, &m)
	return m, err == nil && m != nil && utf8.Valid(data)
}

// text reads a JSON string. A number or a boolean is read as its own text: the
// API has strings only, but clients did not always send strings.
func text(raw json.RawMessage) (string, bool) {
	if len(raw) == 0 {
		return "", false
	}
	switch raw[0] {
	case '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err == nil
	case '{', '[', 'n':
		return "", false
	}
	return string(raw), true
}

// texts reads a JSON array of strings, or one string.
func texts(raw json.RawMessage) ([]string, bool) {
	if one, ok := text(raw); ok {
		return []string{one}, true
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || list == nil {
		return nil, false
	}
	out := make([]string, 0, len(list))
	for _, item := range list {
		s, ok := text(item)
		if !ok {
			return nil, false
		}
		out = append(out, s)
	}
	return out, true
}

// encode returns JSON with sorted keys: indented by four blanks with a final
// newline for REST, otherwise on one line.
func encode(v any, indent bool) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if indent {
		e.SetIndent("", "    ")
	}
	if err := e.Encode(v); err != nil {
		// Answers are maps, slices and strings.
		panic("sysadm: " + err.Error())
	}
	if !indent {
		return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	}
	return b.Bytes()
}
