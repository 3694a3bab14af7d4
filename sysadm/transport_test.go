package sysadm_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

const emptyArgs = "{\n    \"args\": {}\n}\n"

// TestREST: what the REST form answers to everything that is not a call that
// goes well.
func TestREST(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		name               string
		method, path, user string
		kind, body         string
		code               int
		text               string
	}{
		{"no login", "PUT", "/sysadm/iocage", "", "", `{"action":"listjails"}`, 401, ""},
		{"wrong user", "PUT", "/sysadm/iocage", "nobody", "", `{"action":"listjails"}`, 401, ""},
		{"other method", "DELETE", "/sysadm/iocage", "root", "", "", 400, ""},
		{"no name", "PUT", "/sysadm", "root", "", `{"action":"listjails"}`, 400, ""},
		{"root", "PUT", "/", "root", "", `{"action":"listjails"}`, 400, ""},
		{"no JSON", "PUT", "/sysadm/iocage", "root", "", `{"action"`, 400, emptyArgs},
		{"array", "PUT", "/sysadm/iocage", "root", "", `[{"action":"df"}]`, 400, emptyArgs},
		{"null", "PUT", "/sysadm/iocage", "root", "", `null`, 400, emptyArgs},
		{"no body", "PUT", "/sysadm/iocage", "root", "", "", 400, emptyArgs},
		{"args no object", "PUT", "/sysadm/iocage", "root", "", `{"args":"df"}`, 400, emptyArgs},
		{"no action", "PUT", "/sysadm/iocage", "root", "", `{"jail":"x"}`, 400, emptyArgs},
		{"unknown action", "PUT", "/sysadm/iocage", "root", "", `{"action":"nosuch"}`, 400, emptyArgs},
		{"case of action", "PUT", "/sysadm/iocage", "root", "", `{"action":"ListJails"}`, 400, emptyArgs},
		{"action no string", "PUT", "/sysadm/iocage", "root", "", `{"action":["df"]}`, 400, emptyArgs},
		{"unknown dialect", "PUT", "/sysadm/iocage", "root", "", `{"action":"df","api":"2018"}`, 400, emptyArgs},
		{"unknown class", "PUT", "/sysadm/pkg", "root", "", `{"action":"list"}`, 404, emptyArgs},
		{"unknown namespace", "PUT", "/life/iocage", "root", "", `{"action":"df"}`, 404, emptyArgs},
		{"role", "PUT", "/sysadm/iocage", "olga", "", `{"action":"cleanall"}`, 403, emptyArgs},
		{"events", "PUT", "/events/subscribe", "root", "", `{"args":["dispatcher"]}`, 404, emptyArgs},
		{"auth", "PUT", "/rpc/auth", "root", "", `{}`, 404, emptyArgs},
		{"auth without login", "PUT", "/rpc/auth", "", "", `{}`, 401, ""},
		{"run", "PUT", "/rpc/dispatcher", "root", "", `{"action":"run","x":"id"}`, 403, emptyArgs},
		{"kill", "PUT", "/rpc/dispatcher", "olga", "", `{"action":"kill","job_id":"x"}`, 403, emptyArgs},
		{"form", "POST", "/sysadm/iocage", "root", "application/x-www-form-urlencoded", `{"action":"df"}`, 415, emptyArgs},
		{"untyped POST", "POST", "/sysadm/iocage", "root", "", `{"action":"df"}`, 415, emptyArgs},
		{"GET that changes", "GET", "/sysadm/iocage", "root", "", `{"action":"cleanall"}`, 405, emptyArgs},
		{"GET that kills", "GET", "/rpc/dispatcher", "root", "", `{"action":"kill","job_id":"x"}`, 405, emptyArgs},
		{"large", "PUT", "/sysadm/iocage", "root", "", `{"action":"df","x":"` + strings.Repeat("x", 1<<20) + `"}`, 413, emptyArgs},

		{"PUT", "PUT", "/sysadm/iocage", "rita", "", `{"action":"df"}`, 200, "{\n    \"args\": {\n        \"df\": {}\n    }\n}\n"},
		{"POST", "POST", "/sysadm/iocage", "root", "text/json; charset=utf-8", `{"action":"df"}`, 200, ""},
		{"GET", "GET", "/sysadm/iocage", "root", "", `{"action":"df"}`, 200, ""},
		{"args", "PUT", "/sysadm/iocage", "root", "", `{"args":{"action":"df"}}`, 200, ""},
		{"path wins", "PUT", "/sysadm/iocage", "root", "", `{"namespace":"rpc","name":"query","action":"df"}`, 200, ""},
		{"case of class", "PUT", "/SysAdm/IOCage", "root", "", `{"action":"df"}`, 200, ""},
		{"first and last", "PUT", "/sysadm/any/thing/iocage/", "root", "", `{"action":"df"}`, 200, ""},
		{"identify", "PUT", "/rpc/identify", "", "", `{}`, 200, ""},
		{"query", "PUT", "/rpc/query", "rita", "", `{}`, 200,
			"{\n    \"args\": {\n        \"rpc/dispatcher\": \"read\",\n        \"rpc/query\": \"read\",\n        \"sysadm/iocage\": \"read\"\n    }\n}\n"},
		{"list", "PUT", "/rpc/dispatcher", "rita", "", `{"action":"list"}`, 200, "{\n    \"args\": {\n        \"jobs\": {}\n    }\n}\n"},
	} {
		r := w.request(c.method, c.path, c.user, strings.NewReader(c.body))
		if c.kind != "" {
			r.Header.Set("Content-Type", c.kind)
		}
		a, err := http.DefaultClient.Do(r)
		require.NoError(t, err, c.name)
		text := make([]byte, 4096)
		n, _ := a.Body.Read(text)
		a.Body.Close()
		require.Equal(t, c.code, a.StatusCode, c.name)
		if c.code != 200 || c.text != "" {
			require.Equal(t, c.text, string(text[:n]), c.name)
		}
		if n > 0 {
			require.Equal(t, "text/json; charset=utf-8", a.Header.Get("Content-Type"), c.name)
		}
		if c.code == 401 {
			require.Contains(t, a.Header.Get("WWW-Authenticate"), "Basic", c.name)
		}
		if c.code == 405 {
			require.Equal(t, "PUT, POST", a.Header.Get("Allow"), c.name)
		}
	}
	for _, method := range []string{"OPTIONS", "HEAD"} {
		a, err := http.DefaultClient.Do(w.request(method, "/", "", nil))
		require.NoError(t, err)
		a.Body.Close()
		require.Equal(t, 200, a.StatusCode)
		require.Equal(t, "text/json", a.Header.Get("Accept"))
	}
}

// TestWebSocket: the envelope, and every answer of the transport itself.
func TestWebSocket(t *testing.T) {
	w := newWorld(t)
	c := w.dial("")
	refused := func(code, message, id string) string {
		return `{"args":{"code":"` + code + `","message":"` + message + `"},"id":"` + id + `","name":"error","namespace":"error"}`
	}
	for _, x := range [][2]string{
		// Before the login.
		{`{"namespace":"sysadm","name":"iocage","id":"fooid","args":{"action":"df"}}`, refused("401", "Unauthorized", "fooid")},
		{`{"namespace":"events","name":"subscribe","id":"s","args":["dispatcher"]}`, refused("401", "Unauthorized", "s")},
		{`{"namespace":"rpc","name":"query","id":"q","args":{}}`, refused("401", "Unauthorized", "q")},
		{`{"namespace":"rpc","name":"auth","id":"a","args":{"username":"root","password":"wrong"}}`, refused("401", "Unauthorized", "a")},
		{`{"namespace":"rpc","name":"auth_token","id":"a","args":{"token":""}}`, refused("401", "Unauthorized", "a")},
		{`{"namespace":"rpc","name":"auth_other","id":"a","args":{}}`, refused("401", "Unauthorized", "a")},
	} {
		require.Equal(t, x[1], c.call(x[0]), x[0])
	}
	require.Regexp(t, `^\{"args":\{"hostname":"[^"]+","type":"server"\},"id":"i","name":"response","namespace":"rpc"\}$`,
		c.call(`{"namespace":"rpc","name":"identify","id":"i","args":{}}`))
	require.Regexp(t, `^\{"args":\["[A-Za-z0-9_-]{43}",900\],"id":"a","name":"response","namespace":"rpc"\}$`,
		c.call(`{"namespace":"rpc","name":"auth","id":"a","args":{"username":"root","password":"toor"}}`))
	for _, x := range [][2]string{
		{`{"namespace":"sysadm","name":"iocage","id":"f","args":{"action":"df"}}`, `{"args":{"df":{}},"id":"f","name":"response","namespace":"sysadm"}`},
		{`{"namespace":"SYSADM","name":"IOcage","id":"f","args":{"action":"df"}}`, `{"args":{"df":{}},"id":"f","name":"response","namespace":"SYSADM"}`},
		// Without an id the name is the request's own.
		{`{"namespace":"sysadm","name":"iocage","args":{"action":"df"}}`, `{"args":{"df":{}},"id":"","name":"iocage","namespace":"sysadm"}`},
		{`{"namespace":"sysadm","name":"iocage","id":null,"args":{"action":"df"}}`, `{"args":{"df":{}},"id":"","name":"iocage","namespace":"sysadm"}`},
		{`{"namespace":"sysadm","name":"iocage","id":7,"args":{"action":"df"}}`, `{"args":{"df":{}},"id":"7","name":"response","namespace":"sysadm"}`},
		{`{"namespace":"sysadm","name":"iocage","id":"<&>\"ä","args":{"action":"df"}}`, `{"args":{"df":{}},"id":"<&>\"ä","name":"response","namespace":"sysadm"}`},
		{`{"namespace":"sysadm","name":"iocage","id":"f","args":{"action":"nosuch"}}`, refused("400", "Bad Request", "f")},
		{`{"namespace":"sysadm","name":"iocage","id":"f","args":{}}`, refused("400", "Bad Request", "f")},
		{`{"namespace":"sysadm","name":"iocage","id":"f","args":["df"]}`, refused("400", "Bad Request", "f")},
		{`{"namespace":"sysadm","name":"iocage","id":"f"}`, refused("400", "Bad Request", "f")},
		{`{"namespace":"sysadm","id":"f","args":{"action":"df"}}`, refused("400", "Bad Request", "f")},
		{`{"id":"f","args":{"action":"df"}}`, refused("400", "Bad Request", "f")},
		{`{"namespace":"sysadm","name":"pkg","id":"f","args":{}}`, refused("404", "Not Found", "f")},
		{`{"namespace":"rpc","name":"dispatcher","id":"f","args":{"action":"run","a":"id"}}`, refused("403", "Forbidden", "f")},
		{`{"namespace":"rpc","name":"dispatcher","id":"f","args":{"action":"kill"}}`, refused("400", "Bad Request", "f")},
		{`{"namespace":"rpc","name":"dispatcher","id":"f","args":{"action":"kill","job_id":["x"]}}`, `{"args":{"killed":{"jobs":[]}},"id":"f","name":"response","namespace":"rpc"}`},
		{`{"namespace":"rpc","name":"query","id":"q","args":{}}`, `{"args":{"rpc/dispatcher":"read/write","rpc/query":"read","sysadm/iocage":"read/write"},"id":"q","name":"response","namespace":"rpc"}`},
		{`{"namespace":"events","name":"subscribe","id":"s","args":["dispatcher"]}`, `{"args":{"subscribe":"dispatcher"},"id":"s","name":"response","namespace":"events"}`},
		{`{"namespace":"events","name":"subscribe","id":"s","args":"dispatcher"}`, `{"args":{"subscribe":"dispatcher"},"id":"s","name":"response","namespace":"events"}`},
		{`{"namespace":"events","name":"subscribe","id":"s","args":["dispatcher","life-preserver","nosuch"]}`, `{"args":{"subscribe":"life-preserver"},"id":"s","name":"response","namespace":"events"}`},
		{`{"namespace":"events","name":"subscribe","id":"s","args":["nosuch"]}`, `{"args":{},"id":"s","name":"response","namespace":"events"}`},
		{`{"namespace":"events","name":"unsubscribe","id":"s","args":["dispatcher"]}`, `{"args":{"unsubscribe":"dispatcher"},"id":"s","name":"response","namespace":"events"}`},
		{`{"namespace":"events","name":"subscribe","id":"s","args":[]}`, refused("400", "Bad Request", "s")},
		{`{"namespace":"events","name":"list","id":"s","args":["dispatcher"]}`, refused("400", "Bad Request", "s")},
		{`{"namespace":"sysadm",`, refused("400", "Bad Request", "")},
	} {
		require.Equal(t, x[1], c.call(x[0]), x[0])
	}

	// auth_clear has no answer, and ends the login.
	c.send(`{"namespace":"rpc","name":"auth_clear","id":"c","args":{}}`)
	require.Equal(t, refused("401", "Unauthorized", "q"), c.call(`{"namespace":"rpc","name":"query","id":"q","args":{}}`))

	// The traffic of a relay: the answer, then the end.
	require.Equal(t, refused("400", "Bad Request", ""), c.call("PEER\n{}"))
	_, _, err := c.ws.Read(t.Context())
	require.Equal(t, websocket.StatusPolicyViolation, websocket.CloseStatus(err))
}

// TestLoginAndCallAtOnce: logins are answered in line, so a client may send its
// first call right after it.
func TestLoginAndCallAtOnce(t *testing.T) {
	w := newWorld(t)
	c := w.dial("")
	c.send(`{"namespace":"rpc","name":"identify","id":"1","args":{}}`)
	c.send(`{"namespace":"rpc","name":"auth","id":"2","args":{"username":"rita","password":"atir"}}`)
	c.send(`{"namespace":"sysadm","name":"iocage","id":"3","args":{"action":"df"}}`)
	require.Contains(t, c.next(), `"id":"1"`)
	require.Contains(t, c.next(), `"id":"2"`)
	require.Equal(t, `{"args":{"df":{}},"id":"3","name":"response","namespace":"sysadm"}`, c.next())
}
