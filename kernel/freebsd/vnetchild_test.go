package freebsd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const mainTest = "GO_LIBIOC_MAIN_TEST"

// TestMainOfProgram is the program that TestChildOfShortName runs.
func TestMainOfProgram(t *testing.T) {
	if os.Getenv(mainTest) == "" {
		t.Skip("only as the child of TestChildOfShortName")
	}
	Main()
	fmt.Println("main went on")
}

// TestChildOfShortName: the marker stood in argument 0, which is replaced by a program
// path that is shorter, so no VNET jail started from /sbin/ioc; and a main that did not
// look at the result went on in the jail. Main ends the child, whatever it is called.
func TestChildOfShortName(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a running program cannot be renamed")
	}
	dir := t.TempDir()
	self, err := os.Executable()
	check(t, err)
	data, err := os.ReadFile(self)
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, "ioc"), data, 0o755))
	for _, test := range []struct {
		name  string
		child bool
	}{{"child", true}, {"program", false}} {
		cmd := childCommand("./ioc", 1, "sockets")
		if !test.child {
			cmd.Env = nil
		}
		cmd.Dir, cmd.Env = dir, append(cmd.Env, mainTest+"=1")
		cmd.Args = append(cmd.Args[:1], "-test.run=^TestMainOfProgram$", "-test.v")
		out, err := cmd.Output()
		if _, exited := err.(*exec.ExitError); err != nil && !exited {
			t.Fatal(err)
		}
		if on := strings.Contains(string(out), "main went on"); on == test.child {
			t.Errorf("%s: %q", test.name, out)
		}
	}
}
