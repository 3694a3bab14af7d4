package arrows

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	testName = regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
)

// TestSecurity: each threat in docs/security.md names a test that shows what holds
// against it, and every test that is named exists.
func TestSecurity(t *testing.T) {
	dir := root(t)
	exists := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range testFunc.FindAllSubmatch(text, -1) {
			exists[string(m[1])] = true
		}
		return err
	})
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(dir, "docs", "security.md"))
	require.NoError(t, err)
	named, threats := 0, false
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "|") {
			threats = false
			continue
		}
		tests := testName.FindAllStringSubmatch(line, -1)
		switch {
		case strings.HasPrefix(line, "| threat |"):
			threats = true
		case threats && !strings.HasPrefix(line, "| ---") && len(tests) == 0:
			t.Errorf("no test: %s", line)
		}
		for _, m := range tests {
			named++
			if !exists[m[1]] {
				t.Errorf("%s does not exist", m[1])
			}
		}
	}
	require.Greater(t, named, 50)
}
