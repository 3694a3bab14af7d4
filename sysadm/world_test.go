package sysadm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/release/releasetest"
	"github.com/libioc/go-libioc/sysadm"
	"github.com/libioc/go-libioc/zfsstore"
)

const testRelease = "13.2-RELEASE"

// world is a simulated machine and a server in front of it.
type world struct {
	t      testing.TB
	sim    *simhost.Host
	host   *host.Host
	store  *shownStore
	uuids  []string // given out one after the other, then random ones
	now    func() time.Time
	opts   sysadm.Options
	api    sysadm.Dialect
	server *sysadm.Server
	web    *httptest.Server
}

// newWorld makes the machine. What is in it comes by its methods; the server
// starts with the first call.
func newWorld(t testing.TB, source ...host.Source) *world {
	t.Helper()
	dir := t.TempDir()
	sim, err := simhost.Open(simhost.Options{Dir: dir, Sources: source})
	require.NoError(t, err)
	t.Cleanup(func() { sim.Close() })
	if len(source) == 0 {
		source = []host.Source{{Name: "ioc", Dataset: simhost.Dataset}}
	}
	w := &world{t: t, sim: sim, store: &shownStore{Store: sim.ZFS, shown: map[string]shown{}}, now: time.Now}
	w.host, err = host.New(w.store, sim.Kernel, host.Options{
		Sources: source, Files: sim.Files(),
		RunDir: filepath.Join(dir, "run"), StateDir: filepath.Join(dir, "db"), CacheDir: filepath.Join(dir, "cache"),
		ExtractInProcess: true,
		Clock:            func() time.Time { return w.now() },
		NewUUID: func() string {
			if len(w.uuids) == 0 {
				return sim.NewUUID()
			}
			first := w.uuids[0]
			w.uuids = w.uuids[1:]
			return first
		},
	})
	require.NoError(t, err)
	w.opts = sysadm.Options{
		Host: w.host, Auth: people, AllowExec: true,
		Fetch: release.FetchOptions{HTTP: release.HTTPOptions{AllowHTTP: true}}, // the mirrors are in this process
	}
	return w
}

// people are the users of the tests; each password is the name backwards.
var people = logins{
	"root": {Name: "root", Role: sysadm.RoleAdmin, Exec: true},
	"adam": {Name: "adam", Role: sysadm.RoleAdmin},
	"olga": {Name: "olga", Role: sysadm.RoleOperate},
	"rita": {Name: "rita", Role: sysadm.RoleRead},
}

type logins map[string]sysadm.User

func (l logins) Authenticate(_ context.Context, name, password string) (sysadm.User, error) {
	u, ok := l[name]
	if !ok || password != backwards(name) {
		return sysadm.User{}, sysadm.ErrLogin
	}
	return u, nil
}

func backwards(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// fetch brings the release, from a mirror in this process.
func (w *world) fetch(names ...string) {
	w.t.Helper()
	if len(names) == 0 {
		names = []string{testRelease}
	}
	for _, name := range names {
		mirror := httptest.NewServer(releasetest.Mirror(name))
		r, err := release.New(w.t.Context(), w.host, name, "")
		require.NoError(w.t, err)
		require.NoError(w.t, events.Wait(w.t.Context(), r.Fetch(w.t.Context(), release.FetchOptions{Mirror: mirror.URL, HTTP: release.HTTPOptions{AllowHTTP: true}})))
		mirror.Close()
	}
}

// jail makes a jail that can run.
func (w *world) jail(name string, properties ...string) *jail.Jail {
	w.t.Helper()
	set := map[string]string{}
	for _, p := range properties {
		key, value, _ := strings.Cut(p, "=")
		set[key] = value
	}
	j, err := jail.New(w.t.Context(), w.host, jail.Spec{Name: name, Properties: set})
	require.NoError(w.t, err)
	_, err = j.Create(w.t.Context(), jail.CreateOptions{Release: testRelease})
	require.NoError(w.t, err)
	return j
}

// sketch makes a jail that is only a dataset and a configuration: quick, and
// enough for lists.
func (w *world) sketch(name string, properties ...string) {
	w.t.Helper()
	set := map[string]string{"id": name}
	for _, p := range properties {
		key, value, _ := strings.Cut(p, "=")
		set[key] = value
	}
	text, err := json.Marshal(set)
	require.NoError(w.t, err)
	dataset := simhost.Dataset + "/jails/" + name
	require.NoError(w.t, w.sim.ZFS.Create(w.t.Context(), dataset, zfsstore.CreateOptions{Parents: true}))
	dir, err := w.host.Mountpoint(w.t.Context(), dataset)
	require.NoError(w.t, err)
	require.NoError(w.t, os.WriteFile(filepath.Join(dir, "config.json"), text, 0o644))
}

// serve starts the server, once.
func (w *world) serve() *httptest.Server {
	w.t.Helper()
	if w.web == nil {
		var err error
		w.server, err = sysadm.New(w.opts)
		require.NoError(w.t, err)
		w.web = httptest.NewUnstartedServer(nil)
		w.web.Config = w.server.HTTPServer(w.api)
		w.web.Start()
		w.t.Cleanup(func() {
			w.web.Close()
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			require.NoError(w.t, w.server.Shutdown(ctx))
		})
	}
	return w.web
}

// rest sends a request and returns status and body.
func (w *world) rest(user, body string) (int, string) {
	w.t.Helper()
	r := w.request(http.MethodPut, "/sysadm/iocage", user, strings.NewReader(body))
	return w.do(r)
}

func (w *world) request(method, path, user string, body io.Reader) *http.Request {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.serve().URL+path, body)
	require.NoError(w.t, err)
	if user != "" {
		r.SetBasicAuth(user, backwards(user))
	}
	return r
}

func (w *world) do(r *http.Request) (int, string) {
	w.t.Helper()
	a, err := http.DefaultClient.Do(r)
	require.NoError(w.t, err)
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	require.NoError(w.t, err)
	return a.StatusCode, string(text)
}

// action calls an action as root and returns what is below its name.
func (w *world) action(body string) any {
	w.t.Helper()
	code, text := w.rest("root", body)
	require.Equal(w.t, http.StatusOK, code, text)
	var m map[string]map[string]any
	require.NoError(w.t, json.Unmarshal([]byte(text), &m))
	require.Len(w.t, m["args"], 1)
	for _, v := range m["args"] {
		return v
	}
	return nil
}

// client is a WebSocket client.
type client struct {
	t  testing.TB
	ws *websocket.Conn
}

func (w *world) dial(user string) *client {
	w.t.Helper()
	return dialAt(w.t, w.serve().URL, user)
}

func dialAt(t testing.TB, url, user string) *client {
	t.Helper()
	ws, _, err := websocket.Dial(t.Context(), url+"/anything", nil)
	require.NoError(t, err)
	ws.SetReadLimit(16 << 20)
	t.Cleanup(func() { ws.CloseNow() })
	c := &client{t: t, ws: ws}
	if user != "" {
		a := c.call(`{"namespace":"rpc","name":"auth","id":"a","args":{"username":"` + user + `","password":"` + backwards(user) + `"}}`)
		require.Contains(t, a, `"name":"response"`)
	}
	return c
}

func (c *client) send(message string) {
	c.t.Helper()
	require.NoError(c.t, c.ws.Write(c.t.Context(), websocket.MessageText, []byte(message)))
}

var errSilence = errors.New("nothing came")

func (c *client) read(limit time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), limit)
	defer cancel()
	_, m, err := c.ws.Read(ctx)
	if ctx.Err() != nil {
		return "", errSilence
	}
	return string(m), err
}

func (c *client) next() string {
	c.t.Helper()
	m, err := c.read(20 * time.Second)
	require.NoError(c.t, err)
	return m
}

// call sends a message and returns the next one that comes.
func (c *client) call(message string) string {
	c.t.Helper()
	c.send(message)
	return c.next()
}

// compact brings JSON text into one form.
func compact(t testing.TB, text string) string {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal([]byte(text), &v), text)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	require.NoError(t, e.Encode(v))
	return b.String()
}

// shownStore answers with sizes and properties that a test wants to see.
type shownStore struct {
	zfsstore.Store
	mu    sync.Mutex
	shown map[string]shown
}

type shown struct {
	used, available    uint64
	mountpoint, origin string
	properties         map[string]string
}

func (s *shownStore) apply(d zfsstore.Dataset) zfsstore.Dataset {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.shown[d.Name]
	if !ok {
		return d
	}
	d.Used, d.Available, d.Origin = v.used, v.available, v.origin
	if v.mountpoint != "" {
		d.Mountpoint = v.mountpoint
	}
	p := map[string]zfsstore.Property{}
	for key, value := range d.Properties {
		p[key] = value
	}
	for key, value := range v.properties {
		p[key] = zfsstore.Property{Value: value, Source: zfsstore.SourceLocal}
	}
	d.Properties = p
	return d
}

func (s *shownStore) Get(ctx context.Context, name string, o zfsstore.GetOptions) (zfsstore.Dataset, error) {
	d, err := s.Store.Get(ctx, name, o)
	return s.apply(d), err
}

func (s *shownStore) List(ctx context.Context, root string, o zfsstore.ListOptions) ([]zfsstore.Dataset, error) {
	all, err := s.Store.List(ctx, root, o)
	for i := range all {
		all[i] = s.apply(all[i])
	}
	return all, err
}
