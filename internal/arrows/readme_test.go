package arrows

import (
	"encoding/json"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var goBlock = regexp.MustCompile("(?s)```go\n(package main\n.*?)```")

// TestReadmeProgram: the README's program compiles, here and for FreeBSD. It is
// laid over a folder of the module that does not exist.
func TestReadmeProgram(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root(t), "README.md"))
	require.NoError(t, err)
	found := goBlock.FindAllSubmatch(readme, -1)
	require.Len(t, found, 1)
	formatted, err := format.Source(found[0][1])
	require.NoError(t, err)
	require.Equal(t, string(formatted), string(found[0][1]))
	dir := t.TempDir()
	program := filepath.Join(dir, "main.go")
	require.NoError(t, os.WriteFile(program, found[0][1], 0o644))
	overlay, err := json.Marshal(map[string]map[string]string{
		"Replace": {filepath.Join(root(t), "examples", "readme", "main.go"): program},
	})
	require.NoError(t, err)
	file := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(file, overlay, 0o644))
	for _, goos := range []string{"linux", "freebsd"} {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-overlay", file, "-o", os.DevNull, "./examples/readme")
		cmd.Dir = root(t)
		cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", goos, out)
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

// TestLinks: links of documents within the tree lead to a file.
func TestLinks(t *testing.T) {
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "docs/architecture.md"} {
		data, err := os.ReadFile(filepath.Join(root(t), name))
		require.NoError(t, err)
		for _, m := range link.FindAllSubmatch(data, -1) {
			target := filepath.Join(root(t), filepath.Dir(name), string(m[1]))
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s", name, m[1])
			}
		}
	}
}

// TestReadmeNamesPackages: the map of the folders is whole.
func TestReadmeNamesPackages(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root(t), "README.md"))
	require.NoError(t, err)
	for _, p := range list(t, "freebsd") {
		top := p.folder()
		if under(top, "examples", "internal") {
			top, _, _ = strings.Cut(top, "/")
		}
		if !strings.Contains(string(readme), top) {
			t.Errorf("README.md does not name %s", top)
		}
	}
}
