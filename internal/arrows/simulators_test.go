package arrows

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// onMachine are the packages that a program imports to work on a real machine.
var onMachine = []string{"jail", "jail/fleet", "release", "host", "sysadm"}

// TestNoSimulator: a program that opens a real host links no simulator.
func TestNoSimulator(t *testing.T) {
	args := []string{"list", "-deps"}
	for _, folder := range onMachine {
		if _, err := os.Stat(filepath.Join(root(t), filepath.FromSlash(folder))); err == nil {
			args = append(args, "./"+folder)
		}
	}
	for _, goos := range systems {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = root(t)
		cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64")
		out, err := cmd.Output()
		require.NoError(t, err)
		require.Contains(t, string(out), module+"/kernel/freebsd\n")
		for dep := range strings.Lines(string(out)) {
			dep = strings.TrimSpace(dep)
			if strings.HasPrefix(dep, module+"/") && strings.HasPrefix(path.Base(dep), "sim") {
				t.Errorf("%s: a program for a real machine links %s", goos, dep)
			}
		}
	}
}
