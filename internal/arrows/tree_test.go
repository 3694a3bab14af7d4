package arrows

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/libioc/go-libioc/internal/pathname"
	"github.com/stretchr/testify/require"
)

const module = "github.com/libioc/go-libioc"

// goPackage is what the tests ask go list for.
type goPackage struct {
	ImportPath string
	Name       string
	Dir        string
	Imports    []string
}

// folder returns the package's folder below the module's.
func (p goPackage) folder() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// library reports whether the package is part of what a program imports, itself
// or through another package.
func (p goPackage) library() bool {
	return p.Name != "main" && !under(p.folder(), "cmd", "examples", "hack")
}

func (p goPackage) internal() bool { return strings.Contains("/"+p.folder()+"/", "/internal/") }

// under reports whether a folder is one of the tops or below it.
func under(folder string, tops ...string) bool {
	return slices.ContainsFunc(tops, func(top string) bool {
		return pathname.Within(folder, top)
	})
}

// listed keeps what go list said of each system.
var listed = map[string][]goPackage{}

// list asks go list for every package as one system sees it. Imports are those
// of the package, not of its tests.
func list(t *testing.T, goos string) []goPackage {
	t.Helper()
	if all := listed[goos]; all != nil {
		return all
	}
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Name,Dir,Imports", "./...")
	cmd.Dir = root(t)
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var all []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p goPackage
		require.NoError(t, d.Decode(&p))
		all = append(all, p)
	}
	require.NotEmpty(t, all)
	listed[goos] = all
	return all
}

// root returns the module's folder.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(dir, "go.mod"))
	return dir
}

// sourceFile is a parsed file, whatever system it is for.
type sourceFile struct {
	name string // base name
	set  *token.FileSet
	*ast.File
}

func (f sourceFile) test() bool { return strings.HasSuffix(f.name, "_test.go") }

// at returns a node's file and line, below the module's folder.
func (f sourceFile) at(t *testing.T, n ast.Node) string {
	p := f.set.Position(n.Pos())
	if rel, err := filepath.Rel(root(t), p.Filename); err == nil {
		p.Filename = filepath.ToSlash(rel)
	}
	p.Column = 0
	return p.String()
}

// imports reports whether the file imports a package.
func (f sourceFile) imports(path string) bool {
	return slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool {
		return i.Path.Value == `"`+path+`"`
	})
}

// files parses all Go files of a package's folder.
func files(t *testing.T, p goPackage) []sourceFile {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
	require.NoError(t, err)
	var all []sourceFile
	for _, path := range paths {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		require.NoError(t, err)
		all = append(all, sourceFile{filepath.Base(path), set, f})
	}
	return all
}
