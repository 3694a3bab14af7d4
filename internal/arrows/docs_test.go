package arrows

import (
	"bytes"
	"errors"
	"go/ast"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// TestPackageComments: every package has one package comment.
func TestPackageComments(t *testing.T) {
	for _, p := range list(t, "freebsd") {
		var comments []string
		for _, f := range files(t, p) {
			if !f.test() && f.Doc != nil {
				comments = append(comments, f.name)
				want := "Package " + f.Name.Name + " "
				if p.Name != "main" && !strings.HasPrefix(f.Doc.Text(), want) {
					t.Errorf("%s/%s: the comment does not begin with %q", p.folder(), f.name, want)
				}
			}
		}
		if len(comments) != 1 {
			t.Errorf("%s: package comments in %d files: %v", p.folder(), len(comments), comments)
		}
	}
}

// TestExamples: every package that can be imported shows its main use in an
// example that go test compiles and runs. A suite that needs a *testing.T cannot
// run in an example, so compiling is enough there.
func TestExamples(t *testing.T) {
	for _, p := range list(t, "freebsd") {
		if p.Name == "main" || p.folder() == "internal/arrows" { // the latter is tests alone
			continue
		}
		suite := slices.Contains(p.Imports, "testing")
		n := 0
		for _, f := range files(t, p) {
			if f.test() {
				n += examples(f.File, suite)
			}
		}
		if n == 0 {
			t.Errorf("%s has no runnable example", p.folder())
		}
	}
}

// examples counts the examples with a comment that says what they print, or all.
func examples(f *ast.File, all bool) (n int) {
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Example") {
			continue
		}
		if all {
			n++
			continue
		}
		for _, c := range f.Comments {
			text := strings.ToLower(strings.TrimSpace(c.Text()))
			inside := fn.Body.Pos() < c.Pos() && c.Pos() < fn.Body.End()
			if inside && (strings.HasPrefix(text, "output:") || strings.HasPrefix(text, "unordered output:")) {
				n++
				break
			}
		}
	}
	return n
}

// unfinished are words that mark what somebody meant to do later. They are
// written in two parts so that this file does not hold them.
var unfinished = regexp.MustCompile(`\b(` + "TO" + "DO|FIX" + "ME" + `)\b`)

// TestWords: nothing is left for later, and no file depends on the machine it
// was written on.
func TestWords(t *testing.T) {
	dir := root(t)
	var machine []string
	for _, d := range []string{dir, filepath.Dir(dir)} {
		// A checkout directly below / says nothing.
		if strings.Count(filepath.ToSlash(d), "/") > 1 {
			machine = append(machine, d)
		}
	}
	if home, err := os.UserHomeDir(); err == nil && home != "/root" && len(home) > 1 {
		machine = append(machine, home)
	}
	seen := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // another test's file, removed in the meantime
		}
		if err != nil {
			return err
		}
		switch {
		case d.Name() == ".git" || d.IsDir() && d.Name() == "dist":
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !d.Type().IsRegular() || strings.HasSuffix(path, ".test"):
			return nil
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
			return nil
		}
		seen++
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		for i, line := range bytes.Split(data, []byte("\n")) {
			if word := unfinished.Find(line); word != nil {
				t.Errorf("%s:%d: %s", rel, i+1, word)
			}
			for _, path := range machine {
				if bytes.Contains(line, []byte(path+string(filepath.Separator))) {
					t.Errorf("%s:%d: a path of this machine: %s", rel, i+1, path)
				}
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, seen, 100)
}
