package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/sysadm"
)

// buffer is written by the daemon and read by the test.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

var listening = regexp.MustCompile(`SysAdm 2017 on (\S+)\nmetrics on (\S+)\n`)

// TestDemo runs the daemon as a person would try it, and stops it.
func TestDemo(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out, errs buffer
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, nil, &out, &errs, []string{"-demo", "-demo-dir", t.TempDir(), "-listen", "127.0.0.1:0"})
	}()
	require.Eventually(t, func() bool { return listening.MatchString(out.String()) }, 30*time.Second, 10*time.Millisecond)
	at := listening.FindStringSubmatch(out.String())
	get := func(path string) string {
		a, err := http.Get("http://" + at[2] + path)
		require.NoError(t, err)
		defer a.Body.Close()
		text, err := io.ReadAll(a.Body)
		require.NoError(t, err)
		return string(text)
	}
	call := func(body string) string {
		r, err := http.NewRequest(http.MethodPut, "http://"+at[1]+"/sysadm/iocage", strings.NewReader(body))
		require.NoError(t, err)
		r.SetBasicAuth("demo", "demo")
		a, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer a.Body.Close()
		text, err := io.ReadAll(a.Body)
		require.NoError(t, err)
		require.Equal(t, 200, a.StatusCode, string(text))
		return string(text)
	}
	require.Equal(t, "ok\n", get("/healthz"))
	// Every action that only reads, and a few that do more.
	for _, a := range sysadm.Actions() {
		if a.Role == sysadm.RoleRead {
			text := call(`{"action":"` + a.Name + `","jail":"web"}`)
			require.Equal(t, a.Name == "listplugins", strings.Contains(text, `"error"`), text)
		}
	}
	require.Contains(t, call(`{"action":"stopjail","jail":"web"}`), "+ Removing jail process OK")
	require.Contains(t, call(`{"action":"listreleases"}`), `"14.1-RELEASE`)
	require.Contains(t, call(`{"action":"fetchreleases","releases":["13.3-RELEASE","14.1-RELEASE"]}`), "started_dispatcher_id")
	require.Regexp(t, `sysadmd_calls_total\{call="sysadm/iocage/stopjail",code="200",failed="false",transport="rest"\} 1`, get("/metrics"))
	require.Contains(t, get("/metrics"), "sysadmd_jobs")
	stop()
	require.NoError(t, <-done, errs.String())
	require.Equal(t, 2, strings.Count(errs.String(), "msg=job user=demo"), "jobs were let end: %s", errs.String())
	require.Contains(t, errs.String(), "msg=action user=demo peer=127.0.0.1 action=stopjail target=web result=ok")
}

// TestTLS serves with a certificate of its own, which is the same after a
// restart, and with the users of a file.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	h, err := simhost.New(filepath.Join(dir, "host"))
	require.NoError(t, err)
	defer h.Close()
	users := filepath.Join(dir, "users")
	require.NoError(t, os.WriteFile(users, []byte("# people\n\nalice:admin:"+hashPassword("correct horse")+"\n"), 0o600))
	file, err := openUserFile(users)
	require.NoError(t, err)
	log, err := logger(io.Discard, "debug")
	require.NoError(t, err)
	s := defaults()
	s.state = filepath.Join(dir, "state")
	s.listen = []listener{{address: "127.0.0.1:0"}}
	s.metrics = ""

	var first *x509.Certificate
	for range 2 {
		ctx, stop := context.WithCancel(t.Context())
		var out buffer
		done := make(chan error, 1)
		go func() { done <- serve(ctx, &out, log, s, sysadm.Options{Host: h.Host, Auth: file}) }()
		require.Eventually(t, func() bool { return strings.Contains(out.String(), " on ") }, 10*time.Second, 5*time.Millisecond)
		address := strings.Fields(out.String())[3]

		_, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10})
		require.Error(t, err, "TLS 1.1 is refused")
		c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		require.NoError(t, err)
		cert := c.ConnectionState().PeerCertificates[0]
		c.Close()
		if first == nil {
			first = cert
		}
		require.True(t, first.Equal(cert))

		pool := x509.NewCertPool()
		pool.AddCert(cert)
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
		r, err := http.NewRequest(http.MethodPut, "https://"+address+"/sysadm/iocage", strings.NewReader(`{"action":"df"}`))
		require.NoError(t, err)
		r.SetBasicAuth("alice", "correct horse")
		a, err := client.Do(r)
		require.NoError(t, err)
		a.Body.Close()
		require.Equal(t, 200, a.StatusCode)
		ws, _, err := websocket.Dial(t.Context(), "wss://"+address, &websocket.DialOptions{HTTPClient: client})
		require.NoError(t, err)
		ws.CloseNow()
		client.CloseIdleConnections()
		stop()
		require.NoError(t, <-done)
	}
	info, err := os.Stat(filepath.Join(s.state, "sysadmd.key"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := listenUnix(t.Context(), path)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	_, err = listenUnix(t.Context(), path)
	require.ErrorContains(t, err, "another program")
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	l, err = listenUnix(t.Context(), path) // left by a crash
	require.NoError(t, err)
	l.Close()
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err = listenUnix(t.Context(), path)
	require.Error(t, err, "a file is not removed")
	require.FileExists(t, path)
}

func TestUserFile(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "users")
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	require.NoError(t, err)
	write := func(text string) {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		later := time.Now().Add(time.Duration(len(text)) * time.Second)
		require.NoError(t, os.Chtimes(path, later, later))
	}
	write("alice:admin,exec:" + hashPassword("secret:with:colons") + "\nbackup:read:rsa:" + base64.StdEncoding.EncodeToString(der) + "\n")
	f, err := openUserFile(path)
	require.NoError(t, err)
	for range 2 { // the second time from memory
		u, err := f.Authenticate(ctx, "alice", "secret:with:colons")
		require.NoError(t, err)
		require.Equal(t, sysadm.User{Name: "alice", Role: sysadm.RoleAdmin, Exec: true}, u)
	}
	for _, c := range [][2]string{{"alice", "secret"}, {"alice", ""}, {"", ""}, {"backup", ""}, {"nobody", "secret:with:colons"}, {"alicesecret", ":with:colons"}} {
		_, err := f.Authenticate(ctx, c[0], c[1])
		require.ErrorIs(t, err, sysadm.ErrLogin, c)
	}
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, 0, []byte("ABCDEFGHIJKLMNOPQRST"))
	require.NoError(t, err)
	u, err := f.AuthenticateKey(ctx, []byte("ABCDEFGHIJKLMNOPQRST"), signature)
	require.NoError(t, err)
	require.Equal(t, sysadm.User{Name: "backup"}, u)
	_, err = f.AuthenticateKey(ctx, []byte("ABCDEFGHIJKLMNOPQRSX"), signature)
	require.ErrorIs(t, err, sysadm.ErrLogin)

	// A user who goes is gone at once.
	write("bob:operate:" + hashPassword("password"))
	_, err = f.Authenticate(ctx, "alice", "secret:with:colons")
	require.ErrorIs(t, err, sysadm.ErrLogin)
	if os.PathSeparator == '/' {
		require.NoError(t, os.Chmod(path, 0o622))
		_, err = openUserFile(path)
		require.ErrorContains(t, err, "writable by others")
	}
	for text, part := range map[string]string{
		"alice":           "line 1",
		"\n:admin:x":      "line 2",
		"a:king:x":        `role "king"`,
		"a:read:$2y$10$x": "argon2id",
		"a:read:$argon2id$v=19$m=1,t=1,p=1$AAAA$AAAA":  "cost",
		"a:read:$argon2id$v=19$m=64,t=1,p=1$AAAA$AAAA": "length",
		"a:read:rsa:AAAA": "",
		"a:read:rsa:%":    "",
	} {
		write(text)
		require.NoError(t, os.Chmod(path, 0o600))
		_, err := openUserFile(path)
		require.ErrorContains(t, err, part, text)
	}
}

// TestNobodyCostsAsMuch: what a user who does not exist is compared with has the
// costs of a real hash, so that the time of an answer reveals nothing.
func TestNobodyCostsAsMuch(t *testing.T) {
	somebody, err := parseHash(hashPassword("password"))
	require.NoError(t, err)
	require.Equal(t, []any{somebody.memory, somebody.time, somebody.threads, len(somebody.salt), len(somebody.sum)},
		[]any{noHash.memory, noHash.time, noHash.threads, len(noHash.salt), len(noHash.sum)})
}

func TestPasswd(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, passwd(strings.NewReader("long enough\n"), &out, io.Discard, []string{"alice", "operate,exec"}))
	l, err := parseUser(strings.TrimSpace(out.String()))
	require.NoError(t, err)
	require.Equal(t, sysadm.User{Name: "alice", Role: sysadm.RoleOperate, Exec: true}, l.user)
	require.True(t, l.hash.matches("long enough"))
	require.False(t, l.hash.matches("long enough "))
	require.Error(t, passwd(strings.NewReader("short\n"), io.Discard, io.Discard, []string{"alice", "read"}))
	require.Error(t, passwd(strings.NewReader("long enough\n"), io.Discard, io.Discard, []string{"alice", "king"}))
	require.Error(t, passwd(nil, io.Discard, io.Discard, []string{"alice"}))
}

func TestSettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "conf")
	read := func(text string) (settings, error) {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return readSettings(path)
	}
	s, err := read("")
	require.NoError(t, err)
	require.Equal(t, defaults(), s)
	s, err = read("# x\nlisten = 192.0.2.1:1 2016\nlisten=[::1]:2 2016-01 plain\nlisten = unix:/tmp/s\nlisten = 192.0.2.2:3 tls\nexec = yes\ngrace = 5s\njobs = 9\norigins = a b:1\nmetrics =\n")
	require.NoError(t, err)
	require.Equal(t, []listener{
		{"192.0.2.1:1", sysadm.Dialect2016, false, false}, {"[::1]:2", sysadm.Dialect201601, true, false}, {"unix:/tmp/s", sysadm.Dialect2017, true, false},
		{"192.0.2.2:3", sysadm.Dialect2017, false, true},
	}, s.listen)
	require.True(t, s.exec)
	require.Equal(t, 5*time.Second, s.grace)
	require.Equal(t, 9, s.limits.Jobs)
	require.Equal(t, []string{"a", "b:1"}, s.origins)
	require.Empty(t, s.metrics)
	s, err = read("trusted_proxies = 127.0.0.1 192.0.2.0/28 2001:db8::1\n")
	require.NoError(t, err)
	require.Equal(t, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("192.0.2.0/28"), netip.MustParsePrefix("2001:db8::1/128")}, s.proxies)
	s, err = read("mirror = http://a/b\nallow_http = yes\n")
	require.NoError(t, err)
	require.True(t, s.allowHTTP)
	for text, part := range map[string]string{
		"nosuch = 1":                  "conf:1: nosuch: unknown",
		"\nexec":                      "conf:2: not key",
		"exec = on":                   "neither yes nor no",
		"jobs = 0":                    "not a positive number",
		"jobs = x":                    "invalid syntax",
		"grace = -1s":                 "not a positive duration",
		"listen =":                    "no address",
		"listen = :1 2018":            "unknown dialect",
		"listen = 0.0.0.0:1 plain":    "this machine only",
		"listen = localhost:1 plain":  "this machine only",
		"metrics = 192.0.2.1:1":       "no login",
		"certificate = /x":            "belong together",
		"trusted_proxies = a.b":       `"a.b" is neither`,
		"trusted_proxies = ::1%lo0/8": "neither an address nor a network",
		"mirror = HTTP://a/b":         "needs allow_http = yes", // before, releases came over http without a word
	} {
		_, err := read(text)
		require.ErrorContains(t, err, part, text)
	}
	_, err = readSettings(path + ".none")
	require.Error(t, err)
}

// TestSample: the sample names every setting, and its comments give the
// defaults.
func TestSample(t *testing.T) {
	data, err := os.ReadFile("sysadmd.conf.sample")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "conf")
	setting := regexp.MustCompile(`(?m)^#([a-z_]+ =.*)$`)
	text := setting.ReplaceAllString(string(data), "$1")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	s, err := readSettings(path)
	require.NoError(t, err)
	want := defaults()
	require.Equal(t, []any{want.users, want.state, want.exec, want.extended, want.metrics, want.level, want.grace},
		[]any{s.users, s.state, s.exec, s.extended, s.metrics, s.level, s.grace})
	require.Equal(t, want.listen, s.listen[:2])
	for _, key := range []string{
		"listen", "certificate", "key", "state", "users", "exec", "origins", "trusted_proxies", "mirror", "allow_http", "extended_events", "metrics", "log", "grace",
		"connections", "connections_before_login", "actions", "action_time", "jobs", "jobs_per_user", "job_time", "event_queue", "token_idle", "token_life",
	} {
		require.Contains(t, text, "\n"+key+" =", key)
	}
	// As it is it changes nothing.
	require.NoError(t, os.WriteFile(path, data, 0o600))
	s, err = readSettings(path)
	require.NoError(t, err)
	require.Equal(t, want, s)
}

// TestOpenAPI: the description in docs is what the table of actions makes.
func TestOpenAPI(t *testing.T) {
	kept, err := os.ReadFile(filepath.Join("..", "..", "docs", "sysadm-openapi.json"))
	require.NoError(t, err)
	require.Equal(t, string(kept), string(openAPI()), "run go generate ./cmd/sysadmd")
	var doc struct {
		Components struct {
			Schemas map[string]struct{ Required []string }
		}
	}
	require.NoError(t, json.Unmarshal(kept, &doc))
	for _, a := range sysadm.Actions() {
		require.Contains(t, doc.Components.Schemas, a.Name)
		for _, arg := range a.Args {
			require.Equal(t, arg.Required, strings.Contains(fmt.Sprint(doc.Components.Schemas[a.Name].Required), arg.Name), a.Name+" "+arg.Name)
		}
	}
}

// TestArguments: a wrong command line is told once, with the usage; it was told twice and
// exited with 1. The usage names every subcommand.
func TestArguments(t *testing.T) {
	for _, tt := range []struct {
		args []string
		err  error
		says string
	}{
		{[]string{"-h"}, nil, "sysadmd passwd NAME"},
		{[]string{"--help"}, nil, "sysadmd openapi"},
		{[]string{"-nosuch"}, errUsage, "flag provided but not defined: -nosuch\nusage: sysadmd"},
		{[]string{"nosuch"}, errUsage, "unknown argument \"nosuch\"\nusage: sysadmd"},
		{[]string{"-config", filepath.Join(t.TempDir(), "none")}, os.ErrNotExist, ""},
	} {
		var told bytes.Buffer
		err := run(t.Context(), nil, io.Discard, &told, tt.args)
		require.ErrorIs(t, err, tt.err, tt.args)
		require.Contains(t, told.String(), tt.says, tt.args)
		require.LessOrEqual(t, strings.Count(told.String(), "nosuch"), 1, tt.args)
	}
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), nil, &out, io.Discard, []string{"openapi"}))
	require.True(t, json.Valid(out.Bytes()))
	out.Reset()
	require.NoError(t, run(t.Context(), nil, &out, io.Discard, []string{"-version"}))
	require.Regexp(t, `^sysadmd \S+\n$`, out.String())
}

// TestListenWithAConfiguration: -listen was for -demo only, and passed over otherwise.
func TestListenWithAConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sysadmd.conf")
	require.NoError(t, os.WriteFile(file, []byte("metrics =\n"), 0o600))
	err := run(t.Context(), nil, io.Discard, io.Discard, []string{"-config", file, "-listen", "127.0.0.1:0 nosuch"})
	require.ErrorContains(t, err, "-listen: ")
	require.ErrorContains(t, err, "nosuch")
	err = run(t.Context(), nil, io.Discard, io.Discard, []string{"-config", file, "-listen", "192.0.2.1:0 plain"})
	require.ErrorContains(t, err, "192.0.2.1", "it is checked as one of the file is")
}
