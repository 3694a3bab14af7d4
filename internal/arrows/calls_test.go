package arrows

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// silent are calls that no library package makes: it does not print, log or exit.
// A trailing dot stands for the whole package.
var silent = []string{
	"fmt.Print", "fmt.Printf", "fmt.Println", "print", "println",
	"os.Exit", "os.Stdout", "os.Stderr", "os.Stdin", "log.", "syscall.Exit",
}

// shared are calls that change the whole process, which belongs to the program.
var shared = []string{"os.Chdir", "os.Setenv", "os.Unsetenv", "os.Clearenv", "syscall.Umask", "unix.Umask", "unix.Chdir"}

// unsafeWrites follow a symbolic link that a jail can have planted. os.Create
// also truncates an existing file: internal/atomicfile replaces files whole, and
// internal/saferoot works below a jail's root.
var unsafeWrites = []string{"os.Create"}

// belowRoot are further calls that packages jail and fleet must leave to
// internal/saferoot, internal/atomicfile and package kernel.
var belowRoot = []string{
	"os.OpenFile", "os.WriteFile", "os.Mkdir", "os.MkdirAll", "os.Remove", "os.RemoveAll",
	"os.Rename", "os.Symlink", "os.Link", "os.Chown", "os.Lchown", "os.Truncate", "os.CopyFS",
}

func TestCalls(t *testing.T) {
	for _, p := range list(t, "freebsd") {
		if !p.library() {
			continue
		}
		forbidden := slices.Concat(silent, shared, unsafeWrites)
		if under(p.folder(), "jail") {
			forbidden = append(forbidden, belowRoot...)
		}
		for _, f := range files(t, p) {
			if f.test() || p.folder() == "kernel/freebsd" && strings.HasSuffix(f.name, "vnetchild.go") {
				continue // the copy of the program that serves a jail is the library's own process
			}
			for _, n := range uses(f.File, forbidden) {
				t.Errorf("%s: %s", f.at(t, n), text(n))
			}
		}
	}
}

// TestUnsafe: memory is handed to the kernel in files named for it only.
func TestUnsafe(t *testing.T) {
	for _, p := range list(t, "freebsd") {
		for _, f := range files(t, p) {
			if f.imports("unsafe") && !f.test() && !strings.HasSuffix(f.name, "_syscall_freebsd.go") {
				t.Errorf("%s/%s imports unsafe", p.folder(), f.name)
			}
			if f.imports("C") {
				t.Errorf("%s/%s uses cgo", p.folder(), f.name)
			}
		}
	}
}

// uses lists where a file names one of the forbidden functions.
func uses(f *ast.File, forbidden []string) (found []ast.Node) {
	imported := map[string]string{} // name in this file to the package's own
	for _, i := range f.Imports {
		path := strings.Trim(i.Path.Value, `"`)
		name := path[strings.LastIndex(path, "/")+1:]
		if i.Name != nil {
			imported[i.Name.Name] = name
		} else {
			imported[name] = name
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			id, ok := n.Fun.(*ast.Ident)
			if ok && id.Obj == nil && slices.Contains(forbidden, id.Name) {
				found = append(found, id)
			}
		case *ast.SelectorExpr:
			// A name that is declared in the file is no package.
			id, ok := n.X.(*ast.Ident)
			if !ok || id.Obj != nil || imported[id.Name] == "" {
				return true
			}
			pkg := imported[id.Name]
			if slices.Contains(forbidden, pkg+"."+n.Sel.Name) || slices.Contains(forbidden, pkg+".") {
				found = append(found, n)
			}
		}
		return true
	})
	return found
}

func text(n ast.Node) string {
	switch n := n.(type) {
	case *ast.Ident:
		return n.Name
	case *ast.SelectorExpr:
		return text(n.X) + "." + n.Sel.Name
	}
	return ""
}

func TestUsesFinds(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want int
	}{
		"print":    {`fmt.Println("x")`, 1},
		"builtin":  {`println("x")`, 1},
		"renamed":  {`stdlog.Print("x")`, 1},
		"as value": {`f := os.Exit; _ = f`, 1},
		"stream":   {`fmt.Fprintln(os.Stderr)`, 1},
		"shadowed": {`var os struct{ Create func() }; os.Create()`, 0},
		"format":   {`_ = fmt.Sprint("x")`, 0},
		"file":     {`f, _ := os.Create("x"); f.Close()`, 1},
	} {
		src := "package x\nimport (\"fmt\"; \"os\"; stdlog \"log\")\nfunc x() { " + c.body + " }\n"
		f, err := parser.ParseFile(token.NewFileSet(), "x.go", src, 0)
		require.NoError(t, err)
		require.Len(t, uses(f, slices.Concat(silent, unsafeWrites)), c.want, name)
	}
}
