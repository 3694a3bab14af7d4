package arrows

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// oneRun is the one file that runs a command by a kernel.Kernel: it makes every caller
// say for how long.
const oneRun = "kernel/run.go"

// starters are the files that start a program by os/exec: those of kernel.Kernel and
// of zfsstore, and what the library runs on the host outside of any jail.
var starters = map[string]string{
	"kernel/freebsd/run_unix.go":    "Run of a command on the host",
	"kernel/freebsd/run_freebsd.go": "Run of a command in a jail",
	"kernel/freebsd/vnetchild.go":   "its own program, attached to a VNET; vnet_freebsd.go has its limit",
	"zfsstore/exec_run.go":          "zfs(8) and zpool(8)",
	"zfsstore/exec_stream.go":       "zfs-send(8) and zfs-receive(8)",
	"internal/archive/tool.go":      "bsdtar(1) and decompressors",
}

// TestOneWayToRun: a limit was each caller's to remember, and some did not.
func TestOneWayToRun(t *testing.T) {
	found := 0
	for _, p := range list(t, "freebsd") {
		if !p.library() {
			continue
		}
		for _, f := range files(t, p) {
			path := p.folder() + "/" + f.name
			if f.test() || p.folder() == "kernel/kerneltest" {
				continue
			}
			for _, n := range runs(f.File) {
				if found++; path != oneRun {
					t.Errorf("%s runs a command without kernel.Run, which has a limit", f.at(t, n))
				}
			}
			for _, n := range uses(f.File, []string{"exec.Command", "exec.CommandContext", "exec.Cmd", "os.StartProcess", "syscall.ForkExec"}) {
				if starters[path] == "" && !strings.HasPrefix(path, "internal/procgroup/") {
					t.Errorf("%s starts a program by itself: %s", f.at(t, n), text(n))
				}
			}
		}
	}
	require.Equal(t, 1, found, "that of %s", oneRun)
}

// runs lists the calls x.Run(ctx, cmd) whose second argument is a kernel.Command: one
// that is written there, or a variable of that name.
func runs(f *ast.File) (found []ast.Node) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 2 {
			return true
		}
		if to, ok := call.Fun.(*ast.SelectorExpr); !ok || to.Sel.Name != "Run" {
			return true
		}
		switch arg := call.Args[1].(type) {
		case *ast.CompositeLit:
			if text(arg.Type) == "kernel.Command" {
				found = append(found, n)
			}
		case *ast.Ident:
			if isCommand(arg) {
				found = append(found, n)
			}
		}
		return true
	})
	return found
}

// isCommand reports whether a variable is declared as a kernel.Command in its file. A
// parameter or variable of unknown type named cmd or command counts as one.
func isCommand(id *ast.Ident) bool {
	if id.Obj != nil {
		switch d := id.Obj.Decl.(type) {
		case *ast.Field:
			return strings.HasSuffix(text(d.Type), "Command")
		case *ast.AssignStmt:
			for _, v := range d.Rhs {
				if c, ok := v.(*ast.CompositeLit); ok {
					return text(c.Type) == "kernel.Command"
				}
			}
		}
	}
	return id.Name == "cmd" || id.Name == "command"
}

// TestOneWayToRunBites: the check finds what it is for.
func TestOneWayToRunBites(t *testing.T) {
	for body, want := range map[string]int{
		`h.Kernel.Run(ctx, kernel.Command{})`:                    1,
		`cmd := kernel.Command{}; _, _ = h.Kernel.Run(ctx, cmd)`: 1,
		`c := kernel.Command{}; _, _ = k.Run(ctx, c)`:            1,
		`kernel.Run(ctx, h.Kernel, limit, kernel.Command{})`:     0,
		`j.Generator().Start(o).Run(ctx)`:                        0,
		`u.Run(ctx, e.Host, runner)`:                             0,
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\nfunc x() { "+body+" }\n", 0)
		require.NoError(t, err)
		require.Len(t, runs(f), want, body)
	}
}
