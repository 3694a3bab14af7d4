package arrows

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// documents are the files whose Go is compiled and whose links are followed.
func documents(t *testing.T) []string {
	t.Helper()
	names := []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md"}
	below, err := filepath.Glob(filepath.Join(root(t), "docs", "*.md"))
	require.NoError(t, err)
	for _, path := range below {
		names = append(names, "docs/"+filepath.Base(path))
	}
	return names
}

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// TestSnippets: every block of Go in a document is formatted and compiles, here
// and for FreeBSD. A block that is not a whole file is the body of a function;
// see program.
func TestSnippets(t *testing.T) {
	dir, replace, found := t.TempDir(), map[string]string{}, []string{}
	for _, name := range documents(t) {
		text, err := os.ReadFile(filepath.Join(root(t), name))
		require.NoError(t, err)
		for i, block := range goBlock.FindAllSubmatch(text, -1) {
			formatted, err := format.Source(block[1])
			require.NoError(t, err, "%s, block %d", name, i+1)
			require.Equal(t, string(formatted), string(block[1]), "%s, block %d", name, i+1)
			source := program(t, string(block[1]))
			// The file is laid over a folder of the module that does not exist.
			folder := fmt.Sprintf("examples/snippet%d", len(found)+1)
			file := filepath.Join(dir, filepath.Base(folder)+".go")
			require.NoError(t, os.WriteFile(file, []byte(source), 0o644))
			replace[filepath.Join(root(t), folder, filepath.Base(name)+".go")] = file
			found = append(found, "./"+folder)
		}
	}
	require.NotEmpty(t, found)
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	require.NoError(t, err)
	file := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(file, overlay, 0o644))
	for _, goos := range []string{"linux", "freebsd"} {
		// This compiles, and does not link as go build would.
		cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-export", "-overlay", file}, found...)...)
		cmd.Dir = root(t)
		cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", goos, out)
	}
}

// program makes a file of a block that is not one: it has the imports that it
// needs, a context ctx, a host h, and a jail web.
func program(t *testing.T, block string) string {
	t.Helper()
	if strings.HasPrefix(block, "package ") {
		return block
	}
	body := "func _(ctx context.Context, h *host.Host, web *jail.Jail) error {\n" + block + "\nreturn nil\n}\n"
	f, err := parser.ParseFile(token.NewFileSet(), "", "package main\n\n"+body, 0)
	require.NoError(t, err, block)
	known := map[string]string{"context": "context", "errors": "errors", "fmt": "fmt", "http": "net/http", "time": "time"}
	for _, p := range list(t, "freebsd") {
		if p.library() && !p.internal() {
			known[p.Name] = p.ImportPath
		}
	}
	imports := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := s.X.(*ast.Ident); ok && id.Obj == nil && known[id.Name] != "" {
				imports[known[id.Name]] = true
			}
		}
		return true
	})
	var head strings.Builder
	for _, path := range slices.Sorted(maps.Keys(imports)) {
		fmt.Fprintf(&head, "import %q\n", path)
	}
	return "package main\n\n" + head.String() + "\nfunc main() {}\n\n" + body
}
