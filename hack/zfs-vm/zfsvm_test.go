package main

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSourcesFrom(t *testing.T) {
	targets := `http://mirror.example/debian/ bookworm main
http://mirror.example/debian/ bookworm non-free
http://mirror.example/debian/ bookworm-updates main
http://mirror.example/debian/ bookworm-backports main
http://mirror.example/debian-security/ bookworm-security main
https://tools.example/ tools-bookworm main
https://node.example/ nodistro main
`
	text, err := sourcesFrom(targets, "bookworm")
	require.NoError(t, err)
	var got []string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		got = append(got, strings.Join(f[len(f)-4:], " "))
	}
	require.Equal(t, []string{
		"http://mirror.example/debian/ bookworm main contrib",
		"http://mirror.example/debian/ bookworm-updates main contrib",
		"http://mirror.example/debian-security/ bookworm-security main contrib",
	}, got)
	for _, codename := range []string{"trixie", ""} {
		_, err = sourcesFrom(targets, codename)
		require.ErrorContains(t, err, "apt has no source")
	}
}

func TestParseDepends(t *testing.T) {
	text := `zfs-dkms
  PreDepends: init
  Depends: dkms
 |Depends: libc6-dev
  Depends: <libc-dev>
    libc6-dev
  Depends: <perl:any>
    perl
  Depends: libuuid1
  Breaks: <spl-dkms>
`
	require.Equal(t, map[string][]string{"zfs-dkms": {"init", "dkms", "libc6-dev", "libuuid1"}}, parseDepends(text))
}

func TestChoose(t *testing.T) {
	names := choose(map[string][]string{
		"linux-image-amd64":         {"linux-image-6.1-amd64"},
		"linux-image-6.1-amd64":     {"kmod"},
		"linux-headers-amd64":       {"linux-headers-6.1-amd64"},
		"linux-headers-6.1-amd64":   {"linux-kbuild-6.1", "linux-compiler-gcc-12-x86"},
		"linux-compiler-gcc-12-x86": {"gcc-12"},
		"zfsutils-linux":            {"python3", "libzfs4linux", "libc6"},
		"libzfs4linux":              {"libc6", "libssl3"},
		"libssl3":                   {"libc6", "debconf"},
		"libc6":                     {"libgcc-s1"},
		"libgcc-s1":                 {"libc6", "gcc-12-base"},
	})
	require.Equal(t, []string{
		"busybox-static", "libc6", "libgcc-s1", "libssl3", "libzfs4linux", "linux-headers-6.1-amd64", "linux-headers-amd64",
		"linux-image-6.1-amd64", "linux-image-amd64", "linux-kbuild-6.1", "zfs-dkms", "zfsutils-linux",
	}, names)
}

func TestResults(t *testing.T) {
	good := `=== RUN   TestA
=== RUN   TestA/one
    x_test.go:1: --- FAIL: is only text
--- PASS: TestA (0.10s)
    --- PASS: TestA/one (0.05s)
--- PASS: TestB (0.10s)
PASS
exit 0
`
	wanted := []string{"TestA", "TestB"}
	r := parseResults(good)
	require.Equal(t, "zfs-vm: tests: 3 passed, 0 failed, 0 skipped", r.String())
	require.NoError(t, r.verify(wanted))
	require.NoError(t, parseResults(strings.ReplaceAll(good, "\n", "\r\n")).verify(wanted))
	for want, output := range map[string]string{
		"TestC did not pass":                  good,
		"failed: TestC TestC/x":               good + "--- FAIL: TestC (1s)\n    --- FAIL: TestC/x (1s)\n",
		"skipped: TestC":                      good + "--- SKIP: TestC (0s)\n",
		"the guest ended before its tests":    strings.ReplaceAll(good, "exit 0\n", ""),
		"exit status 2":                       strings.ReplaceAll(good, "exit 0", "exit 2"),
		"TestA did not pass\nTestB did not p": "",
	} {
		wanted := wanted
		if strings.HasPrefix(want, "TestC") {
			wanted = append(wanted, "TestC")
		}
		require.ErrorContains(t, parseResults(output).verify(wanted), want)
	}
}

func TestCacheDir(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", home)
	dir, err := cacheDir("")
	require.NoError(t, err)
	if runtime.GOOS == "linux" {
		require.Equal(t, filepath.Join(home, "go-libioc", "zfs-vm"), dir)
	}
	require.DirExists(t, dir)
}

func TestUsage(t *testing.T) {
	var said strings.Builder
	require.ErrorContains(t, run(t.Context(), []string{"extra"}, &said), `unexpected argument "extra"`)
	require.Error(t, run(t.Context(), []string{"-nosuch"}, &said))
	require.Contains(t, said.String(), "-cache")
}
