package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// stubs stand for FreeBSD's tools. Files in the folder that STUB_STATE names
// are what they find on the machine.
var stubs = map[string]string{
	"uname": `case $1 in -s) echo FreeBSD;; *) echo amd64;; esac`,
	"id":    `echo 0`, "ifconfig": `echo lo0`, "ps": `exit 0`,
	"freebsd-version": `echo 13.2-RELEASE-p4`,
	"mount":           `[ ! -e "$STUB_STATE/mounts" ] || exec cat "$STUB_STATE/mounts"`,
	"jls":             `[ ! -e "$STUB_STATE/jails" ] || exec cat "$STUB_STATE/jails"`,
	"sysctl":          `case $2 in vm.stats.*) echo 5;; net.inet.ip.fw.default_to_accept) cat "$STUB_STATE/accepts";; *) exit 1;; esac`,
	"kldload": `[ "$2" != ipfw ] || cp "$STUB_STATE/kenv" "$STUB_STATE/accepts" || echo 0 >"$STUB_STATE/accepts"
: >"$STUB_STATE/module-$2"`,
	"kldunload": `echo "$1" >>"$STUB_STATE/unloaded"; rm "$STUB_STATE/module-$1"`,
	"kldstat":   `[ -e "$STUB_STATE/module-$2" ]`,
	"kenv": `case $1 in -q) [ ! -e "$STUB_STATE/kenv" ] || cat "$STUB_STATE/kenv";; -u) rm "$STUB_STATE/kenv";;
*=*) [ ! -e "$STUB_STATE/secured" ] && echo "${1#*=}" >"$STUB_STATE/kenv";; esac`,
	"ipfw":    `[ ! -e "$STUB_STATE/ipfw" ] || cat "$STUB_STATE/ipfw"; echo 65535 set 31 allow ip from any to any`,
	"pfctl":   `case "$*" in "-s info") echo Status: Disabled Debug: Urgent;; "-v -s Anchors") [ ! -e "$STUB_STATE/anchors" ] || cat "$STUB_STATE/anchors";; "-a "*) echo "rules of $2";; esac`,
	"netstat": `printf 'Destination Gateway Flags Netif Expire\n'; [ ! -e "$STUB_STATE/routes" ] || exec cat "$STUB_STATE/routes"`,
	"devfs":   `[ ! -e "$STUB_STATE/rulesets" ] || exec cat "$STUB_STATE/rulesets"`,
	"sleep":   `exit 0`,
	"jail":    `case $1 in -c) echo made >>"$STUB_STATE/jails";; -r) rm "$STUB_STATE/jails";; esac`,
	"zfs":     `echo "$STUB_POOL"`,
	"zpool":   `case $1 in list) exit 1;; *) echo "$*" >>"$STUB_STATE/zpool";; esac`,
}

// fakeBundle is a bundle whose test binaries are scripts.
type fakeBundle struct {
	dir, state string
	env        []string
}

func newFakeBundle(t *testing.T, binaries map[string]string, suites string) fakeBundle {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no sh(1) on Windows")
	}
	b := fakeBundle{dir: t.TempDir(), state: t.TempDir()}
	var tests []string
	for folder, script := range binaries {
		writeScript(t, filepath.Join(b.dir, "tree", folder, "go.test"), script)
		tests = append(tests, folder+"\n")
	}
	require.NoError(t, os.WriteFile(filepath.Join(b.dir, "run.sh"), runScript, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(b.dir, "tests"), []byte(strings.Join(tests, "")), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(b.dir, "suites"), []byte(suites), 0o644))
	bin := t.TempDir()
	for name, script := range stubs {
		writeScript(t, filepath.Join(bin, name), script)
	}
	b.env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"),
		"STUB_STATE="+b.state, "STUB_POOL=testpool", "IOC_TEST_POOL=testpool",
		"IOC_TEST_WORK="+t.TempDir(), "IOC_TEST_BASE=", "IOC_TEST_RELEASE=", "IOC_TEST_FILTER=")
	if testing.Short() {
		b.env = append(b.env, "IOC_TEST_SETTLE=0")
	}
	return b
}

func writeScript(t *testing.T, path, script string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
}

// run returns run.sh's output, its last line and its exit status.
func (b fakeBundle) run(t *testing.T, env ...string) (output, last string, status int) {
	t.Helper()
	cmd := exec.Command("sh", filepath.Join(b.dir, "run.sh"))
	cmd.Env = append(b.env, env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	return string(out), lines[len(lines)-1], cmd.ProcessState.ExitCode()
}

const good = `cat <<'END'
=== RUN   TestGood
--- PASS: TestGood (0.00s)
=== RUN   TestHalf
=== RUN   TestHalf/sub
    half_test.go:7: no frobnicator here
--- PASS: TestHalf (0.00s)
    --- SKIP: TestHalf/sub (0.00s)
PASS
END`

func TestRunScriptPasses(t *testing.T) {
	b := newFakeBundle(t, map[string]string{"a": good + `
case "$*" in *"-test.skip ^(TestReal)$"*) ;; *"-test.run ^TestReal$"*) ;; *) exit 9;; esac
[ -f ./go.test ] && [ "$IOC_TEST_POOL" = testpool ] && [ "$IOC_TEST_RELEASE" = 13.2-RELEASE ] && [ -n "$IOC_TEST_JAIL" ]`}, "a TestReal\n")
	out, last, status := b.run(t)
	// Twice two tests, each time followed by the check.
	require.Equal(t, "6 passed, 0 failed, 3 skipped", last, out)
	require.Zero(t, status)
	require.Contains(t, out, "a: TestHalf/sub: no frobnicator here")
	require.Contains(t, out, "suite:a: TestHalf/sub: no frobnicator here")
	require.Contains(t, out, "quickstart: IOC_TEST_BASE names no base.txz")
	require.NoFileExists(t, filepath.Join(b.state, "jails"))
}

func TestRunScriptFails(t *testing.T) {
	for name, c := range map[string]struct{ script, last, says string }{
		"a test fails": {
			`echo '--- PASS: TestA (0.00s)'; echo '    a_test.go:3: because'; echo '--- FAIL: TestB (0.00s)'; exit 1`,
			"2 passed, 1 failed, 1 skipped", "because",
		},
		"the binary crashes": {
			`echo '--- PASS: TestA (0.00s)'; echo 'panic: oh no'; exit 2`,
			"2 passed, 1 failed, 1 skipped", "oh no",
		},
		"no test ran": {
			`echo 'testing: warning: no tests to run'; echo PASS`,
			"1 passed, 1 failed, 1 skipped", "no test ran",
		},
	} {
		if testing.Short() && name != "a test fails" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			b := newFakeBundle(t, map[string]string{"a": c.script}, "")
			out, last, status := b.run(t)
			require.Equal(t, c.last, last, out)
			require.Equal(t, 1, status)
			require.Contains(t, out, c.says)
		})
	}
}

// TestRunScriptFindsLeftovers: what a test leaves behind is a failure. With -short
// one test leaves all of it.
func TestRunScriptFindsLeftovers(t *testing.T) {
	leftovers := []struct{ name, script, says string }{
		{"a mount", `echo 'devfs /jail/dev devfs rw 0 0' >>"$STUB_STATE/mounts"`, "> devfs /jail/dev devfs rw 0 0"},
		{"a rule of ipfw", `echo '00100 set 29 deny ip from any to any' >>"$STUB_STATE/ipfw"`, "> 00100 set 29 deny ip from any to any"},
		{"an anchor of pf", `echo ioc/web >>"$STUB_STATE/anchors"`, "> rules of ioc/web"},
		{"a route", `echo '10.0.0.0/24 link#3 U epair0b 1200' >>"$STUB_STATE/routes"`, "> 10.0.0.0/24 link#3 U epair0b\n"},
		{"a ruleset", `echo 1000 >>"$STUB_STATE/rulesets"`, "> 1000"},
		{"a file", `mktemp "$TMPDIR/forgotten.XXXXXX"`, "> forgotten."},
	}
	check := func(t *testing.T, script string, says ...string) {
		b := newFakeBundle(t, map[string]string{"a": "echo '--- PASS: TestA (0.00s)'\n" + script}, "")
		out, last, status := b.run(t)
		require.Equal(t, "1 passed, 1 failed, 1 skipped", last, out)
		require.Equal(t, 1, status)
		for _, text := range says {
			require.Contains(t, out, text)
		}
	}
	var scripts, says []string
	for _, l := range leftovers {
		scripts, says = append(scripts, l.script), append(says, l.says)
		if !testing.Short() {
			t.Run(l.name, func(t *testing.T) { check(t, l.script, l.says) })
		}
	}
	check(t, strings.Join(scripts, "\n"), says...)
}

// ipfw without rules denies everything, so it is only loaded when it will not,
// and firewalls that were not loaded before are unloaded again.
func TestRunScriptFirewalls(t *testing.T) {
	for name, c := range map[string]struct {
		files            []string // on the machine before
		loaded, unloaded string
		note             string
	}{
		"none":             {nil, "ipfw pf", "ipfw\npf\n", ""},
		"the machine's":    {[]string{"module-ipfw", "module-pf"}, "ipfw pf", "", ""},
		"no kenv":          {[]string{"secured"}, "pf", "pf\n", "note: ipfw is left out: kenv(1) cannot set net.inet.ip.fw.default_to_accept=1"},
		"pf the machine's": {[]string{"module-pf"}, "ipfw pf", "ipfw\n", ""},
	} {
		if testing.Short() && name != "none" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			b := newFakeBundle(t, map[string]string{"a": `echo '--- PASS: TestA (0.00s)'
[ "$(cd "$STUB_STATE" && echo $(ls | sed -nE 's/^module-(ipfw|pf)$/\1/p'))" = "` + c.loaded + `" ] || echo '--- FAIL: TestB (0.00s)'`}, "")
			for _, file := range c.files {
				require.NoError(t, os.WriteFile(filepath.Join(b.state, file), nil, 0o644))
			}
			out, last, _ := b.run(t)
			require.Equal(t, "2 passed, 0 failed, 1 skipped", last, out)
			require.Contains(t, out, c.note)
			require.NoFileExists(t, filepath.Join(b.state, "kenv"))
			unloaded, _ := os.ReadFile(filepath.Join(b.state, "unloaded"))
			require.Equal(t, c.unloaded, string(unloaded))
		})
	}
}

func TestRunScriptPrintsMeasurements(t *testing.T) {
	b := newFakeBundle(t, map[string]string{"a": `echo '    a_test.go:7: measured: list: 0.49 of zfs list and jls'
echo '    a_test.go:8: said in passing'; echo '--- PASS: TestA (0.00s)'`}, "")
	out, _, _ := b.run(t)
	require.Contains(t, out, "\n     list: 0.49 of zfs list and jls\n")
	require.NotContains(t, out, "in passing")
}

func TestRunScriptFilter(t *testing.T) {
	b := newFakeBundle(t, map[string]string{"a": good, "b": "exit 1"}, "b TestReal\n")
	out, last, status := b.run(t, "IOC_TEST_FILTER=^a$")
	require.Equal(t, "3 passed, 0 failed, 1 skipped", last, out)
	require.Zero(t, status)
}

// A package that was taken out of another is run when that one is asked for.
func TestRunScriptFormerNames(t *testing.T) {
	b := newFakeBundle(t, map[string]string{"a/b": good, "c": "exit 1"}, "a/b TestReal a\nc TestReal\n")
	require.NoError(t, os.WriteFile(filepath.Join(b.dir, "tests"), []byte("a/b a\nc\n"), 0o644))
	out, last, status := b.run(t, "IOC_TEST_FILTER=^(suite:)?a$")
	require.Equal(t, "6 passed, 0 failed, 2 skipped", last, out)
	require.Zero(t, status)
}

func TestRunScriptQuickstart(t *testing.T) {
	base := filepath.Join(t.TempDir(), "base.txz")
	require.NoError(t, os.WriteFile(base, nil, 0o644))
	for name, c := range map[string]struct{ script, last string }{
		"works": {`echo "$*"`, "2 passed, 0 failed, 0 skipped"},
		"fails": {`echo "$*"; exit 3`, "1 passed, 1 failed, 0 skipped"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newFakeBundle(t, nil, "")
			writeScript(t, filepath.Join(b.dir, "bin", "quickstart"), c.script)
			out, last, _ := b.run(t, "IOC_TEST_BASE="+base)
			require.Equal(t, c.last, last, out)
			require.Contains(t, out, "-real -pool testpool -archive "+base+" -release 13.2-RELEASE")
		})
	}
}

func TestRunScriptTorture(t *testing.T) {
	for name, c := range map[string]struct{ script, env, last, says string }{
		"works":  {`echo seed 5; echo "$*"`, "IOC_TEST_TORTURE=", "2 passed, 0 failed, 1 skipped", "-time 2m -seed 0"},
		"longer": {`echo "$*"`, "IOC_TEST_TORTURE=30m", "2 passed, 0 failed, 1 skipped", "-real -pool testpool -dir"},
		"finds":  {`echo seed 5; seq 100; echo wrong; exit 1`, "IOC_TEST_TORTURE_SEED=5", "1 passed, 1 failed, 1 skipped", "     | seed 5\n"},
		"is off": {`exit 1`, "IOC_TEST_TORTURE=0", "0 passed, 0 failed, 1 skipped", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newFakeBundle(t, nil, "")
			writeScript(t, filepath.Join(b.dir, "bin", "torture"), c.script)
			out, last, _ := b.run(t, c.env)
			require.Equal(t, c.last, last, out)
			require.Contains(t, out, c.says)
		})
	}
}

func TestRunScriptBench(t *testing.T) {
	for name, c := range map[string]struct{ script, last, says string }{
		"ratios": {
			`printf 'BenchmarkJailSet/syscalls-2 \t 582\t 1200000 ns/op\t 74 B/op\t 5 allocs/op\nBenchmarkJailSet/jail-2 \t 4\t 131880000 ns/op\t 109.9 times-syscalls\nPASS\n'`,
			"2 passed, 0 failed, 0 skipped",
			"JailSet           1.200 ms by system calls    131.880 ms by jail      1 : 109.9\n",
		},
		"nothing measured": {`echo PASS`, "1 passed, 1 failed, 0 skipped", "FAIL bench:a"},
		"fails":            {`echo '--- FAIL: BenchmarkJailSet'; exit 1`, "1 passed, 1 failed, 0 skipped", "--- FAIL: BenchmarkJailSet"},
	} {
		if testing.Short() && name != "ratios" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			b := newFakeBundle(t, map[string]string{"a": `
case "$*" in *"-test.bench "*"-test.benchtime 7x"*) ;; *) exit 9;; esac
` + c.script, "b": "exit 9"}, "")
			require.NoError(t, os.WriteFile(filepath.Join(b.dir, "tree", "a", "x_test.go"), []byte("times-syscalls"), 0o644))
			out, last, _ := b.run(t, "IOC_TEST_FILTER=bench", "IOC_TEST_BENCHTIME=7x")
			require.Equal(t, c.last, last, out)
			require.Contains(t, out, c.says)
		})
	}
}

func TestRunScriptMakesPool(t *testing.T) {
	b := newFakeBundle(t, map[string]string{"a": good}, "")
	file := filepath.Join(t.TempDir(), "p.img")
	out, _, status := b.run(t, "IOC_TEST_POOL="+file)
	require.Zero(t, status, out)
	calls, err := os.ReadFile(filepath.Join(b.state, "zpool"))
	require.NoError(t, err)
	require.Equal(t, "create -f -o cachefile=none -m /ioctest ioctest "+file+"\ndestroy -f ioctest\n", string(calls))
	require.NoFileExists(t, file)
}

func TestRunScriptRefusesFullPool(t *testing.T) {
	b := newFakeBundle(t, map[string]string{"a": good}, "")
	out, last, status := b.run(t, "STUB_POOL=testpool\ntestpool/data")
	require.Equal(t, "run.sh: the pool testpool is not empty", last, out)
	require.Equal(t, 1, status)
}
