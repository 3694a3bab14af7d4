package arrows

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// heavy are what a program that only imports jail must not get: the server and
// the modules that it and its daemon need.
var heavy = []string{
	module + "/sysadm", "github.com/coder/websocket", "github.com/prometheus/", "golang.org/x/crypto", "net/http/pprof",
}

// TestJailIsLight: importing jail or fleet pulls in neither the server nor its modules.
func TestJailIsLight(t *testing.T) {
	for _, goos := range systems {
		cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "./jail", "./jail/fleet")
		cmd.Dir = root(t)
		cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64")
		out, err := cmd.Output()
		require.NoError(t, err)
		require.Contains(t, string(out), module+"/jail\n")
		for dep := range strings.Lines(string(out)) {
			for _, h := range heavy {
				if strings.HasPrefix(dep, h) {
					t.Errorf("%s: jail depends on %s", goos, dep)
				}
			}
		}
	}
}

// maxSysadm is how many lines of code package sysadm may have, not counting
// tests, comments and empty lines: it is a thin layer or it is wrong.
const maxSysadm = 2750

func TestSysadmIsThin(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root(t), "sysadm", "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	n := 0
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for line := range bytes.Lines(text) {
			if line = bytes.TrimSpace(line); len(line) > 0 && !bytes.HasPrefix(line, []byte("//")) {
				n++
			}
		}
	}
	require.Less(t, n, maxSysadm)
	require.Greater(t, n, 100)
}
