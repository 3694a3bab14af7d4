package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// goPackage has the fields of go list that are needed.
type goPackage struct {
	ImportPath   string
	Name         string
	Dir          string
	TestGoFiles  []string
	XTestGoFiles []string
}

// runnable matches what go test -v reports: an example without output is only
// compiled.
var runnable = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[^a-z(]\w*)\(|^\s*// (?:Unordered o|O)utput:`)

// tests returns the names of the package's tests and fuzz targets, and "" for
// each example that runs.
func (p goPackage) tests() (names []string, err error) {
	for _, name := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
		text, err := os.ReadFile(filepath.Join(p.Dir, name))
		if err != nil {
			return nil, err
		}
		for _, found := range runnable.FindAllSubmatch(text, -1) {
			if test := string(found[1]); test != "TestMain" {
				names = append(names, test)
			}
		}
	}
	return names, nil
}

// goModule is the module the command runs in.
type goModule struct {
	Path string
	Dir  string
}

// folder is a package's folder below the module's, with slashes.
func (m goModule) folder(p goPackage) string {
	if p.ImportPath == m.Path {
		return "."
	}
	return strings.TrimPrefix(p.ImportPath, m.Path+"/")
}

// sourceOnly reports whether a package's tests need the source tree and the go
// command, which a machine with the bundle does not have.
func sourceOnly(folder string) bool {
	if folder == "hack/torture" {
		return false
	}
	return folder == "internal/arrows" || folder == "hack" || strings.HasPrefix(folder, "hack/")
}

func findModule(ctx context.Context) (goModule, error) {
	var m goModule
	out, err := goCommand(ctx, "", nil, "list", "-m", "-json")
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(out, &m)
}

// packages lists the module's packages as the target system sees them.
func (c compiler) packages(ctx context.Context) ([]goPackage, error) {
	out, err := goCommand(ctx, c.module.Dir, c.env(), "list", "-json=ImportPath,Name,Dir,TestGoFiles,XTestGoFiles", "./...")
	if err != nil {
		return nil, err
	}
	var all []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p goPackage
		if err := d.Decode(&p); err != nil {
			return nil, err
		}
		if !sourceOnly(c.module.folder(p)) {
			all = append(all, p)
		}
	}
	return all, nil
}

// testdataFolders lists every testdata folder of the module and docs, parts of
// which tests compare, sorted, as paths with slashes below the module's folder. Like the go command it does not look
// into folders that begin with a dot or an underscore.
func testdataFolders(dir string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || p == dir {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		base := path.Base(rel)
		switch {
		case rel == "docs", base == "testdata":
			if !sourceOnly(path.Dir(rel)) {
				found = append(found, rel)
			}
			return fs.SkipDir
		case strings.HasPrefix(base, "."), strings.HasPrefix(base, "_"), rel == "dist":
			return fs.SkipDir
		}
		return nil
	})
	slices.Sort(found)
	return found, err
}

// goCommand runs the go command and returns its standard output.
func goCommand(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}
