package sysadm_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/internal/lineartest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/sysadm"
	"github.com/libioc/go-libioc/zfsstore"
)

// full reports whether the tests run with the figures of docs/sysadm.md, which
// takes minutes.
func full() bool { return os.Getenv("SYSADM_FULL") != "" }

// heap is what is in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// TestRoles: every action is refused to those whose role is too low, on both
// transports, and to everyone without a login.
func TestRoles(t *testing.T) {
	w := newWorld(t)
	w.sketch("web")
	before := state(t, w)
	sockets := map[string]*client{}
	for user := range people {
		sockets[user] = w.dial(user)
	}
	sockets[""] = w.dial("")
	for _, a := range sysadm.Actions() {
		for user, u := range people {
			if u.Role >= a.Role && (!a.Exec || u.Exec) {
				continue
			}
			args := `{"action":"` + a.Name + `","jail":"web","user":"root","command":"id","releases":["13.2-RELEASE"],"pool":"zroot"}`
			code, text := w.rest(user, args)
			require.Equal(t, 403, code, "%s %s", user, a.Name)
			require.Equal(t, emptyArgs, text)
			require.Equal(t, `{"args":{"code":"403","message":"Forbidden"},"id":"i","name":"error","namespace":"error"}`,
				sockets[user].call(`{"namespace":"sysadm","name":"iocage","id":"i","args":`+args+`}`))
		}
		code, text := w.rest("", `{"action":"`+a.Name+`"}`)
		require.Equal(t, 401, code)
		require.Empty(t, text)
		require.Equal(t, `{"args":{"code":"401","message":"Unauthorized"},"id":"i","name":"error","namespace":"error"}`,
			sockets[""].call(`{"namespace":"sysadm","name":"iocage","id":"i","args":{"action":"`+a.Name+`"}}`))
	}
	require.Equal(t, before, state(t, w))
}

// TestExecIsOff: without the option nobody runs commands.
func TestExecIsOff(t *testing.T) {
	w := newWorld(t)
	w.opts.AllowExec = false
	w.sketch("web")
	code, _ := w.rest("root", `{"action":"execjail","jail":"web","user":"root","command":"id"}`)
	require.Equal(t, 403, code)
}

// TestTokens: a token is good on another connection, whole and while it lives.
func TestTokens(t *testing.T) {
	w := newWorld(t)
	login := func(c *client) string {
		a := c.call(`{"namespace":"rpc","name":"auth","id":"a","args":{"username":"rita","password":"atir"}}`)
		var m struct{ Args []any }
		require.NoError(t, json.Unmarshal([]byte(a), &m), a)
		return m.Args[0].(string)
	}
	resume := func(token string) string {
		c := w.dial("")
		defer c.ws.CloseNow()
		text, err := json.Marshal(token)
		require.NoError(t, err)
		return c.call(`{"namespace":"rpc","name":"auth_token","id":"t","args":{"token":` + string(text) + `}}`)
	}
	first := w.dial("")
	token := login(first)
	require.Contains(t, resume(token), `"`+token+`",900`)
	for _, wrong := range []string{"", token[1:], token[:20], token[len(token)-1:], token + " ", "%", "*", token + token} {
		require.Contains(t, resume(wrong), `"401"`, wrong)
		w.server.ForgetFailures() // each of them counts
	}
	// A new login, even a wrong one, ends the old one for good.
	first.call(`{"namespace":"rpc","name":"auth","id":"a","args":{"username":"rita","password":"x"}}`)
	require.Contains(t, resume(token), `"401"`)
	w.server.ForgetFailures()

	// It outlives its connection, as the original's, until it is given up. It ended with it.
	token = login(first)
	first.ws.CloseNow()
	time.Sleep(100 * time.Millisecond)
	require.Contains(t, resume(token), token)
	last := w.dial("")
	text, err := json.Marshal(token)
	require.NoError(t, err)
	last.call(`{"namespace":"rpc","name":"auth_token","id":"t","args":{"token":` + string(text) + `}}`)
	last.send(`{"namespace":"rpc","name":"auth_clear","id":"c","args":{}}`)
	last.call(`{"namespace":"rpc","name":"identify","id":"i","args":{}}`)
	require.Contains(t, resume(token), `"401"`)
}

// TestBadLogins: 100,000 wrong passwords from one address cost next to nothing,
// and nobody else anything.
func TestBadLogins(t *testing.T) {
	w := newWorld(t)
	var checked atomic.Int64
	w.opts.Auth = counting{people, &checked}
	w.serve()
	handler := w.server.Handler(sysadm.Dialect2017)
	try := func(address, user, password string) int {
		r := httptest.NewRequest(http.MethodPut, "/sysadm/iocage", strings.NewReader(`{"action":"df"}`))
		r.RemoteAddr = address + ":4711"
		r.SetBasicAuth(user, password)
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r)
		if rec.Code == 401 {
			require.Empty(t, rec.Body.String())
		}
		return rec.Code
	}
	before, begun := heap(), time.Now()
	n := 100_000
	if testing.Short() {
		n /= 10
	}
	var group sync.WaitGroup
	var wrong atomic.Int64
	for range 8 {
		group.Go(func() {
			for i := range n / 8 {
				if try("192.0.2.66", fmt.Sprint("user", i), "guess") != 401 {
					wrong.Add(1)
				}
			}
		})
	}
	group.Wait()
	took, grown := time.Since(begun), int64(heap())-int64(before)
	t.Logf("%d logins in %v, %d of them checked, heap grew by %d KiB", n, took.Round(time.Millisecond), checked.Load(), grown>>10)
	require.Zero(t, wrong.Load())
	require.Less(t, checked.Load(), int64(50))
	require.Less(t, grown, int64(4<<20))
	require.Equal(t, 401, try("192.0.2.66", "rita", "atir"), "the address is blocked")
	require.Equal(t, 200, try("192.0.2.6", "rita", "atir"), "another one is not, though its text begins the same")
	require.Equal(t, 200, try("2.0.2.66", "rita", "atir"))

	// Many addresses against one account: it is slowed down too.
	checked.Store(0)
	for i := range 1000 {
		require.Equal(t, 401, try(fmt.Sprintf("198.51.%d.%d", i/256, i%256), "olga", "guess"))
	}
	require.Less(t, checked.Load(), int64(20))
}

type counting struct {
	sysadm.Authenticator
	n *atomic.Int64
}

func (c counting) Authenticate(ctx context.Context, name, password string) (sysadm.User, error) {
	c.n.Add(1)
	return c.Authenticator.Authenticate(ctx, name, password)
}

// TestOrigins: web pages of other sites get nowhere.
func TestOrigins(t *testing.T) {
	w := newWorld(t)
	w.opts.Origins = []string{"admin.example.org:8443"}
	url := w.serve().URL
	own := strings.TrimPrefix(url, "http://")
	for _, tt := range []struct {
		origins []string
		good    bool
	}{
		{nil, true},
		{[]string{"sysadm-client"}, true}, // of a program; it was refused
		{[]string{"http://" + own}, true},
		{[]string{"https://admin.example.org:8443"}, true},
		{[]string{"https://admin.example.org"}, false},
		{[]string{"https://evil.example.org"}, false},
		{[]string{"http://" + own + ".evil.org"}, false},
		{[]string{"file://"}, false},
		{[]string{"null"}, false},
		{[]string{" Null "}, false},
		{[]string{"::"}, false},
		{[]string{"http://" + own, "https://evil.example.org"}, false},
		{[]string{"sysadm-client", "https://evil.example.org"}, false},
	} {
		h := http.Header{}
		for _, o := range tt.origins {
			h.Add("Origin", o)
		}
		ws, a, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{HTTPHeader: h})
		r := w.request("PUT", "/sysadm/iocage", "root", strings.NewReader(`{"action":"df"}`))
		r.Header = h.Clone()
		r.SetBasicAuth("root", "toor")
		code, _ := w.do(r)
		if tt.good {
			require.NoError(t, err, tt.origins)
			ws.CloseNow()
			require.Equal(t, 200, code, tt.origins)
			continue
		}
		require.Error(t, err, tt.origins)
		require.Equal(t, 403, a.StatusCode, tt.origins)
		require.Equal(t, 403, code, tt.origins)
	}
}

// raw opens a connection and sends a text as it is.
func (w *world) raw(text string) net.Conn {
	w.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(w.serve().URL, "http://"))
	require.NoError(w.t, err)
	w.t.Cleanup(func() { c.Close() })
	_, err = io.WriteString(c, text)
	require.NoError(w.t, err)
	return c
}

const basicRoot = "Authorization: Basic cm9vdDp0b29y\r\n" // root:toor

// TestHugeBody: a body of 1 GiB is answered when 1 MiB of it was read.
func TestHugeBody(t *testing.T) {
	w := newWorld(t)
	for _, login := range []string{basicRoot, ""} {
		before := heap()
		c := w.raw("PUT /sysadm/iocage HTTP/1.1\r\nHost: x\r\n" + login + fmt.Sprintf("Content-Length: %d\r\n\r\n{\"x\":\"", 1<<30))
		chunk := []byte(strings.Repeat("x", 64<<10))
		sent := 0
		for sent < 1<<30 {
			c.SetWriteDeadline(time.Now().Add(time.Second))
			n, err := c.Write(chunk)
			sent += n
			if err != nil {
				break
			}
		}
		grown := int64(heap()) - int64(before)
		t.Logf("login %v: took %d KiB of it, heap grew by %d KiB", login != "", sent>>10, grown>>10)
		require.Less(t, sent, 64<<20, "socket buffers and 1 MiB, not more")
		require.Less(t, grown, int64(8<<20))
	}
	// A WebSocket message of that kind ends the connection.
	c := w.dial("root")
	c.ws.Write(t.Context(), websocket.MessageText, []byte(`{"x":"`+strings.Repeat("x", 2<<20)+`"}`))
	_, _, err := c.ws.Read(t.Context())
	require.Error(t, err)
}

// TestSlowClients: requests that come drop by drop, or not at all, are ended.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.opts.Limits.Body, w.opts.Limits.Login = 300*time.Millisecond, 300*time.Millisecond
	drip := func(text string) (answer string, took time.Duration) {
		begun := time.Now()
		c := w.raw(text)
		done := make(chan struct{})
		go func() {
			defer close(done)
			data, _ := io.ReadAll(c)
			answer = string(data)
		}()
		for {
			select {
			case <-done:
				return answer, time.Since(begun)
			case <-time.After(20 * time.Millisecond):
				io.WriteString(c, "x")
			}
		}
	}
	for name, c := range map[string][2]string{
		"request line": {"PU", ""},
		"header":       {"PUT /sysadm/iocage HTTP/1.1\r\nHost: x\r\nX-", ""},
		"body":         {"PUT /sysadm/iocage HTTP/1.1\r\nHost: x\r\n" + basicRoot + "Content-Length: 100000\r\n\r\n{", "408 Request Timeout"},
		"chunked":      {"PUT /sysadm/iocage HTTP/1.1\r\nHost: x\r\n" + basicRoot + "Transfer-Encoding: chunked\r\n\r\nffff\r\n{", "408 Request Timeout"},
		"no login":     {"PUT /sysadm/iocage HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{", "401 Unauthorized"},
	} {
		answer, took := drip(c[0])
		require.Less(t, took, 5*time.Second, name)
		require.Contains(t, answer, c[1], name)
	}
	// A WebSocket that does not log in.
	begun := time.Now()
	_, err := w.dial("").read(10 * time.Second)
	require.Error(t, err)
	require.NotErrorIs(t, err, errSilence)
	require.Less(t, time.Since(begun), 5*time.Second)
	// One that does, stays.
	_, err = w.dial("rita").read(time.Second)
	require.ErrorIs(t, err, errSilence)
}

// TestSilentSubscribers: subscribers that never read cost little, lose events
// and nothing else; those that read get everything.
func TestSilentSubscribers(t *testing.T) {
	n, jobs := 200, 100
	if full() {
		n, jobs = 10_000, 20
	}
	w := newWorld(t)
	s := newStage()
	close(s.end)
	w.opts.Plugins = s
	w.opts.Limits.Connections = n + 10
	w.opts.Limits.BeforeLogin = 32 // as many log in at a time
	w.opts.Limits.Queue = 64
	w.opts.Limits.JobsPerUser = 1000
	w.opts.Limits.Write = time.Minute
	w.serve()
	before, routines := heap(), runtime.NumGoroutine()
	// They are another process's: a connection is one descriptor in each.
	child := exec.Command(os.Args[0], "-test.run=^TestSilentChild$", "-test.timeout=30m")
	child.Env = append(os.Environ(), "SYSADM_SILENT_URL="+w.serve().URL, fmt.Sprint("SYSADM_SILENT_COUNT=", n))
	stdin, err := child.StdinPipe()
	require.NoError(t, err)
	stdout, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	defer func() {
		stdin.Close()
		require.NoError(t, child.Wait())
	}()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "subscribed\n", line)
	idle := heap()
	reader := w.dial("root")
	reader.call(`{"namespace":"events","name":"subscribe","id":"s","args":["dispatcher"]}`)
	// The reader keeps up: no more is under way than its queue holds.
	window := make(chan struct{}, 16)
	finished := make(chan int, 1)
	go func() {
		count := 0
		for count < jobs {
			m, err := reader.read(5 * time.Minute)
			if err != nil {
				break
			}
			if strings.Contains(m, `"finished"`) {
				count++
				<-window
			}
		}
		finished <- count
		for range window { // a reader that failed holds nobody up
		}
	}()
	begun := time.Now()
	for i := range jobs {
		window <- struct{}{}
		code, text := w.rest("root", fmt.Sprintf(`{"action":"createplugin","plugin":"p%d","net_device":"re0","ip4":"10.0.0.1"}`, i))
		require.Equal(t, 200, code, text)
	}
	got := <-finished
	close(window)
	require.Equal(t, jobs, got, "no job and no event of it is lost to one that reads")
	took := time.Since(begun)
	peak := heap()
	st := w.server.Stats()
	t.Logf("%d subscribers: %d KiB each (%d goroutines), %d KiB each after %d jobs in %v; %d events dropped, queues of %d",
		n, (int64(idle)-int64(before))/int64(n)>>10, runtime.NumGoroutine()-routines, (int64(peak)-int64(before))/int64(n)>>10, jobs, took.Round(time.Millisecond), st.Dropped, 64)
	require.Less(t, (int64(peak)-int64(before))/int64(n), int64(256<<10))
	require.Zero(t, st.Jobs)
}

// TestSilentChild is the process whose connections subscribe and never read.
func TestSilentChild(t *testing.T) {
	url := os.Getenv("SYSADM_SILENT_URL")
	if url == "" {
		return
	}
	n, err := strconv.Atoi(os.Getenv("SYSADM_SILENT_COUNT"))
	require.NoError(t, err)
	var group sync.WaitGroup
	slots := make(chan struct{}, 32)
	for range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			dialAt(t, url, "rita").call(`{"namespace":"events","name":"subscribe","id":"s","args":["dispatcher","progress"]}`)
		})
	}
	group.Wait()
	fmt.Println("subscribed")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// TestTooManyConnections: the limit of connections holds, and one that ends
// makes room.
func TestTooManyConnections(t *testing.T) {
	w := newWorld(t)
	w.opts.Limits.Connections, w.opts.Limits.BeforeLogin = 3, 3
	var open []*client
	for range 3 {
		open = append(open, w.dial(""))
	}
	_, a, err := websocket.Dial(t.Context(), w.serve().URL, nil)
	require.Error(t, err)
	require.Equal(t, 503, a.StatusCode)
	open[0].ws.CloseNow()
	require.Eventually(t, func() bool { return w.server.Stats().Connections == 2 }, 5*time.Second, time.Millisecond)
	w.dial("rita")
}

// TestManyCallsAtOnce: a client that sends without reading is slowed down, not
// served without bound.
func TestManyCallsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.opts.Limits.PerClient = 4
	c := w.dial("rita")
	const n = 2000
	go func() {
		for i := range n {
			c.ws.Write(t.Context(), websocket.MessageText, fmt.Appendf(nil, `{"namespace":"sysadm","name":"iocage","id":"%d","args":{"action":"df"}}`, i))
		}
	}()
	seen := map[string]bool{}
	for range n {
		var m struct{ ID string }
		require.NoError(t, json.Unmarshal([]byte(c.next()), &m))
		seen[m.ID] = true
	}
	require.Len(t, seen, n, "every call has its answer")
}

// bombs are bodies that are small and costly, or meant to be.
func bombs() map[string]string {
	return map[string]string{
		"nested arrays":  `{"action":"df","x":` + strings.Repeat("[", 500_000),
		"nested closed":  `{"action":"df","x":` + strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000) + `}`,
		"nested objects": strings.Repeat(`{"args":`, 100_000) + strings.Repeat("}", 100_000),
		"many keys":      `{"action":"nosuch",` + strings.Repeat(`"a":1,`, 150_000) + `"b":1}`,
		"number":         `{"action":1` + strings.Repeat("0", 900_000) + `}`,
		"exponent":       `{"action":1e999999999}`,
		"escapes":        `{"action":"` + strings.Repeat(`\u0000`, 150_000) + `"}`,
		"bad UTF-8":      "{\"action\":\"\xff\xfe\"}",
		"array of jails": `{"action":"fetchreleases","releases":[` + strings.Repeat(`"13.2-RELEASE",`, 60_000) + `"x"]}`,
	}
}

// TestBombs: each is refused, quickly.
func TestBombs(t *testing.T) {
	w := newWorld(t)
	c := w.dial("root")
	before, begun := heap(), lineartest.CPUTime() // other load does not count
	for name, body := range bombs() {
		require.LessOrEqual(t, len(body), 1<<20, name)
		code, text := w.rest("root", body)
		require.Equal(t, 400, code, name)
		require.Equal(t, emptyArgs, text, name)
		if name != "bad UTF-8" {
			require.Contains(t, c.call(`{"namespace":"sysadm","name":"iocage","id":"i","args":`+body[:min(len(body), 1<<20-100)]+`}`), `"400"`, name)
		}
	}
	used := lineartest.CPUTime() - begun
	t.Logf("%v of a processor, heap grew by %d KiB", used.Round(time.Millisecond), (int64(heap())-int64(before))>>10)
	limit := 10 * time.Second
	if os.Getenv("IOC_TEST_SIMULATED") == "brief" { // run.sh, on an emulated machine: 15 s
		limit *= 3
	}
	require.Less(t, used, limit)
}

// hostile are names that mean something to tools, shells or file systems.
var hostile = []string{
	"ALL", "all", "-r", "--force", "../x", "../../etc/passwd", "a/b", "/", ".", "..", "*", "web*", "?", "web,db", "web db",
	"$(id)", "`id`", "web;reboot", "web|id", "web&", "web\nid", "web\x00", "web@snap", "web#1", "%s%n", strings.Repeat("a", 100_000),
	"ioc/web", "ioc/../web", "zroot/iocage/jails/web", "WEB", " web", "web ", "name=web", "source=ioc", "{}", "\u202ebew", "wéb",
}

// TestHostileNames: put into every argument of every action, they find nothing,
// change nothing, and reach no command line.
func TestHostileNames(t *testing.T) {
	w := newWorld(t)
	w.fetch()
	j := w.jail("web")
	_, err := j.Start(t.Context(), jail.StartOptions{})
	require.NoError(t, err)
	w.jail("db")
	w.opts.Plugins = newStage()
	before := state(t, w)
	c := w.dial("root")
	w.sim.Sim.ResetCalls()
	w.sim.ZFS.ForgetCalls()
	calls, row := 0, 0
	for _, a := range sysadm.Actions() {
		for _, arg := range slices.Concat(a.Args, []sysadm.Arg{{Name: "action"}, {Name: "api"}, {Name: "jail_uuid"}}) {
			row++
			for i, name := range hostile {
				if testing.Short() && (row+i)%5 != 0 {
					continue // a fifth of the names, others for each argument
				}
				args := map[string]any{"action": a.Name, "user": "root", "command": "/bin/freebsd-version"}
				if arg.Name != "jail" && arg.Name != "jail_uuid" {
					args["jail"] = "nosuch"
				}
				harmless := strings.HasPrefix(a.Name, "list") || strings.HasPrefix(a.Name, "get") || a.Name == "df" || a.Name == "activatestatus"
				if !harmless && arg.Name != "action" && (arg.Name == "api" || len(a.Args) == 0) {
					args["api"] = "-" + name // else it would do its work, whatever the name
				}
				args[arg.Name] = name
				text, err := json.Marshal(args)
				require.NoError(t, err)
				label := fmt.Sprintf("%s %s=%.20q", a.Name, arg.Name, name)
				code, body := w.rest("root", string(text))
				require.Contains(t, []int{200, 400}, code, label)
				if calls++; calls%5 == 0 && len(name) < 1000 {
					reply := c.call(`{"namespace":"sysadm","name":"iocage","id":"i","args":` + string(text) + `}`)
					require.Equal(t, code == 200, strings.Contains(reply, `"name":"response"`), label)
				}
				if code == 200 && !harmless {
					failed := strings.Contains(body, `"error":`) || strings.Contains(body, `"ERROR":`)
					require.True(t, failed || a.Name == "activatepool" && arg.Name != "pool", "%s: %s", label, body)
				}
			}
		}
	}
	for _, call := range w.sim.Sim.Calls() {
		require.NotEqual(t, "run", call.Op, "a process was started: %v", call)
	}
	for _, call := range w.sim.ZFS.Calls() {
		require.Contains(t, []string{"list", "get", "zpool list"}, call.Op, "%v", call)
	}
	require.Equal(t, before, state(t, w))
	require.Zero(t, w.server.Stats().Jobs)
}

// TestExecArgv: what a client sends as a command is handed over as words, each
// as it is; no shell sees them.
func TestExecArgv(t *testing.T) {
	w := newWorld(t)
	w.fetch()
	j := w.jail("web")
	_, err := j.Start(t.Context(), jail.StartOptions{})
	require.NoError(t, err)
	for command, want := range map[string]string{
		`"/bin/freebsd-version; reboot"`:              "/bin/freebsd-version; reboot",
		`["/bin/freebsd-version","; reboot","$(id)"]`: "/bin/freebsd-version ; reboot $(id)",
		`"/bin/freebsd-version '$(id) && x' \"a b\""`: "/bin/freebsd-version $(id) && x a b",
	} {
		w.sim.Sim.ResetCalls()
		w.rest("root", `{"action":"execjail","jail":"web","user":"root","command":`+command+`}`)
		var runs []string
		for _, call := range w.sim.Sim.Calls() {
			if call.Op == "run" {
				runs = append(runs, call.Args)
			}
		}
		require.Equal(t, []string{j.Identifier() + " " + want}, runs)
	}
}

// state is what a hostile call must not change: datasets, jails in the kernel.
func state(t *testing.T, w *world) []string {
	sets, err := w.sim.ZFS.List(t.Context(), "", zfsstore.ListOptions{Types: []zfsstore.Type{zfsstore.Filesystem, zfsstore.Snapshot}})
	require.NoError(t, err)
	var out []string
	for _, d := range sets {
		out = append(out, d.Name+" "+d.Origin)
	}
	for p, err := range w.sim.Sim.JailList(t.Context(), 0, "path") {
		require.NoError(t, err)
		out = append(out, "jail "+p.String("name"))
	}
	return out
}

// TestKeepAlive: REST connections can be used again.
func TestKeepAlive(t *testing.T) {
	w := newWorld(t)
	c := w.raw("")
	in := bufio.NewReader(c)
	for range 3 {
		io.WriteString(c, "PUT /sysadm/iocage HTTP/1.1\r\nHost: x\r\n"+basicRoot+"Content-Length: 15\r\n\r\n{\"action\":\"df\"}")
		a, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		io.Copy(io.Discard, a.Body)
		require.Equal(t, 200, a.StatusCode)
	}
}
