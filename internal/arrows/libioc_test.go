package arrows

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// libiocMembers are the members that libioc's documentation of Jail,
// JailGenerator and JailResource names.
var libiocMembers = []string{
	"autoset_dataset_name", "clone_from_jail", "clone_to_dataset", "create_from_release", "dataset_name",
	"destroy", "devfs_ruleset", "env", "exec", "exec_console", "fork_exec", "fstab", "full_name",
	"get_hook_script_path", "getstring", "hostid_check_ok", "humanreadable_name", "identifier", "is_basejail",
	"jail", "jid", "launch_script_dir", "name", "passthru", "provisioner", "release", "release_snapshot",
	"rename", "require_jail_existing", "require_jail_is_template", "require_jail_match_hostid",
	"require_jail_not_existing", "require_jail_not_template", "require_jail_running", "require_jail_stopped",
	"require_storage_backend", "restart", "running", "script_env_path", "source", "start", "stop", "stopped",
}

// TestLibiocTable: docs/libioc.md has a row for every member of libioc.Jail,
// and every Go symbol in it exists.
func TestLibiocTable(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "libioc.md"))
	require.NoError(t, err)
	known := symbols(t)
	require.True(t, known["jail.Jail.Start"])
	require.True(t, known["jail.CreateOptions.Release"])
	require.False(t, known["jail.Jail.Nothing"])

	symbol := regexp.MustCompile("`([a-z]+\\.[A-Z][A-Za-z.]*)`")
	rows, found := map[string]bool{}, 0
	for line := range strings.Lines(string(text)) {
		for _, m := range symbol.FindAllStringSubmatch(line, -1) {
			found++
			if !known[m[1]] {
				t.Errorf("docs/libioc.md: there is no %s", m[1])
			}
		}
		cells := strings.Split(line, "|")
		if len(cells) == 5 && strings.Contains(cells[2], "`") {
			rows[strings.Trim(cells[1], " `")] = true
		}
	}
	require.Greater(t, found, len(libiocMembers))
	for _, name := range libiocMembers {
		if !rows[name] {
			t.Errorf("docs/libioc.md: no row for %s", name)
		}
	}
}

// symbols returns the exported names of the module as a program writes them:
// package.Name, package.Type.Method and package.Type.Field.
func symbols(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	for _, p := range list(t, "freebsd") {
		if !p.library() || p.internal() {
			continue
		}
		for _, f := range files(t, p) {
			if f.test() {
				continue
			}
			for _, d := range f.Decls {
				for _, name := range declared(d) {
					known[p.Name+"."+name] = true
				}
			}
		}
	}
	return known
}

// declared returns the exported names that a declaration makes.
func declared(d ast.Decl) []string {
	var out []string
	if fn, ok := d.(*ast.FuncDecl); ok {
		name := fn.Name.Name
		if fn.Recv != nil {
			of := fn.Recv.List[0].Type
			if star, ok := of.(*ast.StarExpr); ok {
				of = star.X
			}
			if generic, ok := of.(*ast.IndexExpr); ok {
				of = generic.X
			}
			id, ok := of.(*ast.Ident)
			if !ok {
				return nil
			}
			name = id.Name + "." + name
		}
		return append(out, name)
	}
	for _, spec := range d.(*ast.GenDecl).Specs {
		switch spec := spec.(type) {
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				out = append(out, name.Name)
			}
		case *ast.TypeSpec:
			out = append(out, spec.Name.Name)
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range s.Fields.List {
					for _, name := range field.Names {
						out = append(out, spec.Name.Name+"."+name.Name)
					}
				}
			}
		}
	}
	return out
}
