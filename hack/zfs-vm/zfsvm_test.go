package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
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

func TestParseDependsOf(t *testing.T) {
	require.Equal(t, []string{"virtio_ring", "virtio"}, parseDependsOf("license=GPL\x00depends=virtio-ring,virtio\x00name=x\x00"))
	require.Empty(t, parseDependsOf("depends=\x00name=x\x00"))
}

func TestLoadOrder(t *testing.T) {
	modules := map[string][]string{"zfs": {"zlua", "icp", "spl"}, "icp": {"spl"}, "zlua": {}, "spl": {}, "disk": {}, "a": {"b"}, "b": {"a"}}
	depends := func(name string) ([]string, error) {
		below, ok := modules[name]
		if !ok {
			return nil, fmt.Errorf("there is no module %s", name)
		}
		return below, nil
	}
	order, err := loadOrder(depends, "disk", "zfs")
	require.NoError(t, err)
	require.Equal(t, []string{"disk", "zlua", "spl", "icp", "zfs"}, order)
	_, err = loadOrder(depends, "a")
	require.ErrorContains(t, err, "module a needs itself")
	_, err = loadOrder(depends, "nosuch")
	require.ErrorContains(t, err, "there is no module nosuch")
}

// member is a member of an archive, as the format describes it.
type member struct {
	mode, major, minor uint64
	content            string
}

func readCPIO(t *testing.T, archive []byte) map[string]member {
	t.Helper()
	members := make(map[string]member)
	for at := 0; ; {
		require.Equal(t, "070701", string(archive[at:at+6]))
		field := func(n int) uint64 {
			v, err := strconv.ParseUint(string(archive[at+6+8*n:at+14+8*n]), 16, 32)
			require.NoError(t, err)
			return v
		}
		nameAt := at + 110
		name := string(archive[nameAt : nameAt+int(field(11))-1])
		require.Zero(t, archive[nameAt+len(name)])
		dataAt := (nameAt + len(name) + 1 + 3) &^ 3
		size := int(field(6))
		if name == "TRAILER!!!" {
			require.Len(t, archive, dataAt)
			return members
		}
		require.NotContains(t, members, name)
		members[name] = member{field(1), field(9), field(10), string(archive[dataAt : dataAt+size])}
		at = (dataAt + size + 3) &^ 3
	}
}

func TestCPIO(t *testing.T) {
	var out bytes.Buffer
	c := newCPIO(&out)
	c.char("dev/console", 5, 1)
	c.dir("proc")
	c.link("etc/mtab", "/proc/self/mounts")
	c.file("/lib/deep/a", 0o755, 5, strings.NewReader("hello"))
	c.file("lib/deep/empty", 0o644, 0, strings.NewReader(""))
	require.NoError(t, c.close())
	require.Equal(t, map[string]member{
		"dev":            {mode: 0o40755},
		"dev/console":    {mode: 0o20600, major: 5, minor: 1},
		"proc":           {mode: 0o40755},
		"etc":            {mode: 0o40755},
		"etc/mtab":       {mode: 0o120777, content: "/proc/self/mounts"},
		"lib":            {mode: 0o40755},
		"lib/deep":       {mode: 0o40755},
		"lib/deep/a":     {mode: 0o100755, content: "hello"},
		"lib/deep/empty": {mode: 0o100644},
	}, readCPIO(t, out.Bytes()))

	c = newCPIO(&out)
	c.file("short", 0o644, 9, strings.NewReader("short"))
	require.ErrorContains(t, c.close(), "short has 5 bytes, not 9")
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

// TestCopyPrograms copies a program of this machine with what it loads, and
// runs it with that alone.
func TestCopyPrograms(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("programs are copied for Linux on amd64")
	}
	for _, path := range []string{"/bin/true", "/lib64/ld-linux-x86-64.so.2", "/etc/debian_version"} {
		if _, err := os.Stat(path); err != nil {
			t.Skip("not a Debian system: ", err)
		}
	}
	to := t.TempDir()
	require.NoError(t, copyPrograms("/", to, "bin/true"))
	linker := filepath.Join(to, "lib64", "ld-linux-x86-64.so.2")
	library := ""
	for _, dir := range libraries {
		if _, err := os.Stat(filepath.Join(to, dir, "libc.so.6")); err == nil {
			library = filepath.Join(to, dir)
		}
	}
	require.NotEmpty(t, library)
	require.NoError(t, exec.Command(linker, "--library-path", library, filepath.Join(to, "bin", "true")).Run())
	require.ErrorContains(t, copyPrograms(t.TempDir(), to, "bin/true"), "bin/true")

	_, err := moduleDepends("/bin/true")
	require.ErrorContains(t, err, "is no kernel module")
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
