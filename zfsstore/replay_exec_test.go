package zfsstore_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/libioc/go-libioc/zfsstore"
)

// TestExecReplay gives the recorded command lines to the real ZFS by Exec, each
// recording in a new pool "zroot" on the disk that IOC_TEST_DISK names, whose
// contents are lost. Lines that another system or version answers otherwise are
// in testdata/replay-exec-exceptions.txt.
func TestExecReplay(t *testing.T) {
	disk := os.Getenv("IOC_TEST_DISK")
	if disk == "" {
		t.Skip("IOC_TEST_DISK names no disk")
	}
	exceptions, setup := readSidecar(t, "replay-exceptions.txt"), readSidecar(t, "replay-setup.txt")
	differing := readSidecar(t, "replay-exec-exceptions.txt")
	for _, name := range recordingFiles(t) {
		version := filepath.Base(filepath.Dir(name))
		t.Run(version, func(t *testing.T) {
			if runtime.GOOS == "freebsd" {
				sameMajor(t, version)
			}
			here := make(map[string][]sidecar)
			for place, entries := range exceptions {
				here[place] = entries
			}
			for place, entries := range differing {
				for _, e := range entries {
					if holdsFor(e.kind, version) {
						here[place] = append(here[place], e)
					}
				}
			}
			replayFile(t, readRecording(t, name), here, setup, func(t *testing.T, version string) *replayer {
				return newExecReplayer(t, version, disk)
			})
		})
	}
}

// sameMajor skips the recording of another major version of FreeBSD than this
// one, which has another ZFS.
func sameMajor(t *testing.T, recording string) {
	t.Helper()
	said, err := exec.Command("uname", "-r").Output()
	if err != nil {
		t.Fatal(err)
	}
	release := strings.TrimSpace(string(said))
	here, _, _ := strings.Cut(release, ".")
	if there, _, _ := strings.Cut(recording, "."); there != here {
		t.Skipf("recorded on FreeBSD %s, and this is %s", recording, release)
	}
}

// holdsFor reports whether an exception is one of this system and recording:
// its kind is a system, or a recording and a system, as in "linux" or
// "15.1/linux".
func holdsFor(kind, version string) bool {
	recording, system, ok := strings.Cut(kind, "/")
	if !ok {
		recording, system = version, kind
	}
	return recording == version && system == runtime.GOOS
}

// newExecReplayer replays in a new pool, whose mountpoints are below a
// directory of the test's.
func newExecReplayer(t *testing.T, version, disk string) *replayer {
	t.Helper()
	run := func(name string, args ...string) {
		t.Helper()
		if said, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, said)
		}
	}
	r := newReplayer(t, version)
	var err error
	if r.altroot, err = filepath.EvalSymlinks(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	run("zpool", "create", "-f", "-R", r.altroot, "zroot", disk)
	t.Cleanup(func() { run("zpool", "destroy", "-f", "zroot") })
	if runtime.GOOS == "freebsd" { // the recorded lines hand datasets to it
		run("jail", "-c", "name=zj", "path=/", "persist")
		t.Cleanup(func() { run("jail", "-r", "zj") })
	}
	// Jails and their properties, and what another version says otherwise.
	r.s, r.tolerance = zfsstore.NewExec(zfsstore.ExecOptions{}), 15
	return r
}
