package arrows

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

// TestLinks: links of documents within the tree lead to a file.
func TestLinks(t *testing.T) {
	for _, name := range documents(t) {
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

// TestReadmeNamesPackages: the table of the folders is complete.
func TestReadmeNamesPackages(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root(t), "README.md"))
	require.NoError(t, err)
	for _, p := range list(t, "freebsd") {
		top := p.folder()
		if under(top, "examples", "internal") {
			top, _, _ = strings.Cut(top, "/")
		}
		if !strings.Contains(top, "/internal/") && !strings.Contains(string(readme), top) {
			t.Errorf("README.md does not name %s", top)
		}
	}
}
