package arrows

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	picture = regexp.MustCompile("(?s)```mermaid\nflowchart TD\n(.*?)```")
	drawn   = regexp.MustCompile(`(?m)^ +(\w+)(?:\[(\S+)\])? --> (\w+)(?:\[(\S+)\])?$`)
)

// TestPicture: every arrow that docs/architecture.md draws is an import, and only
// the suites, the leaves, packages for tests and those internal to another are
// missing in it.
func TestPicture(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "docs", "architecture.md"))
	require.NoError(t, err)
	block := picture.FindSubmatch(text)
	require.NotNil(t, block)
	lines := drawn.FindAllStringSubmatch(string(block[1]), -1)
	require.Len(t, lines, strings.Count(string(block[1]), "-->"))
	full := map[string]string{} // of names with a label
	for _, l := range lines {
		for i := 1; i < len(l); i += 2 {
			if l[i+1] != "" {
				full[l[i]] = l[i+1]
			}
		}
	}
	name := func(node string) string {
		if label, ok := full[node]; ok {
			return label
		}
		return node
	}
	imports, seen := map[string][]string{}, map[string]bool{}
	for _, p := range list(t, "freebsd") {
		from := p.folder()
		if under(from, "cmd", "examples") {
			from, _, _ = strings.Cut(from, "/")
		}
		for _, path := range p.Imports {
			if to, ours := strings.CutPrefix(path, module+"/"); ours {
				imports[from] = append(imports[from], to)
			}
		}
	}
	for _, l := range lines {
		from, to := name(l[1]), name(l[3])
		seen[from], seen[to] = true, true
		require.True(t, slices.Contains(imports[from], to), "%s does not import %s", from, to)
	}
	for folder := range arrows {
		switch {
		case slices.Contains(leaves, folder), strings.HasSuffix(folder, "test"), strings.Contains(folder, "/internal/"):
		default:
			require.True(t, seen[folder], "%s is not in the picture", folder)
		}
	}
}
