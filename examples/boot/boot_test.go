package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

func newHost(t testing.TB, configs map[string]string) *simhost.Host {
	t.Helper()
	h, err := simhost.New(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	ctx := context.Background()
	for name, text := range configs {
		dataset := simhost.Dataset + "/jails/" + name
		require.NoError(t, h.ZFS.Create(ctx, dataset+"/root", zfsstore.CreateOptions{Parents: true}))
		path, err := h.Mountpoint(ctx, dataset)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(path, "config.json"), []byte(text), 0o644))
	}
	return h
}

const quick = `"exec_start": "none", "exec_stop": "none", "mount_devfs": "no", "resolver": "none"`

func TestBootAndShutdown(t *testing.T) {
	h := newHost(t, map[string]string{
		"db":  `{"boot": "yes", ` + quick + `}`,
		"web": `{"boot": "yes", "depends": "db,lib", ` + quick + `}`,
		"lib": `{` + quick + `}`,
		"off": `{` + quick + `}`,
		"bad": `{"boot": `,
	})
	ctx := context.Background()
	var out bytes.Buffer
	run := func(command string) error {
		out.Reset()
		return options{budget: time.Minute}.run(ctx, h.Host, &out, command)
	}
	err := run("start")
	require.ErrorContains(t, err, "jail bad")
	require.NotContains(t, err.Error(), "web")
	for _, line := range []string{`db: done`, `web: done`, `lib: done \(others depend on it\)`, `bad: failed .*config\.json`} {
		require.Regexp(t, "(?m)^"+line, out.String())
	}
	require.NoError(t, run("status"))
	require.Regexp(t, `(?m)^FULL_NAME +STATE`, out.String())
	require.Regexp(t, `(?m)^web +up`, out.String())
	require.NotContains(t, out.String(), "off")
	require.ErrorContains(t, run("start"), "jail bad")
	require.Regexp(t, `(?m)^web: passed \(it is running\)`, out.String())

	require.NoError(t, run("stop"))
	require.Less(t, strings.Index(out.String(), "web:"), strings.Index(out.String(), "db:"))
	for j := range jail.List(ctx, h.Host) {
		require.False(t, j.Status().Running)
	}
	require.ErrorContains(t, run("reboot"), "unknown command")
}

// syncBuffer is written by the program and read by the test.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestWatchAndSupervise(t *testing.T) {
	h := newHost(t, map[string]string{"web": `{"user": {"restart": "always backoff=1ms"}, ` + quick + `}`})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var watched, supervised syncBuffer
	done := make(chan error, 2)
	go func() { done <- options{}.run(ctx, h.Host, &watched, "watch") }()
	go func() { done <- options{}.run(ctx, h.Host, &supervised, "supervise") }()
	await := func(b *syncBuffer, pattern string) {
		t.Helper()
		re := regexp.MustCompile(pattern)
		for deadline := time.Now().Add(30 * time.Second); !re.MatchString(b.String()); time.Sleep(5 * time.Millisecond) {
			require.True(t, time.Now().Before(deadline), "%s\n%s", pattern, b.String())
		}
	}
	await(&watched, `(?m)^web there`)
	j, err := jail.Load(ctx, h.Host, "web")
	require.NoError(t, err)
	_, err = j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	await(&watched, `(?m)^web started jid 1$`)
	time.Sleep(1500 * time.Millisecond) // the supervisor looks once a second
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	await(&supervised, `(?m)^web: restarted`)
	cancel()
	require.NoError(t, <-done)
	require.NoError(t, <-done)
}

// TestScript: the script is one for sh(1), and rcorder(8) finds in it what jails
// have to wait for.
func TestScript(t *testing.T) {
	data, err := os.ReadFile("rc.d/ioc")
	require.NoError(t, err)
	for key, words := range map[string]string{
		"PROVIDE": "ioc", "REQUIRE": "LOGIN FILESYSTEMS NETWORKING zpool zfs", "BEFORE": "securelevel", "KEYWORD": "nojail shutdown",
	} {
		line := regexp.MustCompile(`(?m)^# ` + key + `: (.*)$`).FindSubmatch(data)
		require.NotNil(t, line, key)
		have := strings.Fields(string(line[1]))
		for _, word := range strings.Fields(words) {
			require.Contains(t, have, word)
		}
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh(1) here")
	}
	out, err := exec.Command(sh, "-n", "rc.d/ioc").CombinedOutput()
	require.NoError(t, err, "%s", out)
}
