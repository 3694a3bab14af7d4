package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

//go:embed run.sh
var runScript []byte

// suites are the conformance suites against the real system. run.sh runs each by
// itself, after all other tests, in this order. A bundle without one of these
// tests fails there, so that a renamed suite cannot get lost.
var suites = []string{"TestConformanceReal", "TestExecConformance"}

// former maps the folders of packages to those that they were taken out of.
// IOC_TEST_FILTER selects a part by either name.
var former = map[string]string{
	"cmd/sysadmd":      "examples/sysadmd",
	"jail/fleet":       "jail",
	"kernel/freebsd":   "kernel",
	"kernel/simkernel": "kernel",
	"zfsstore/simzfs":  "zfsstore",

	"zfsstore/internal/cmdline": "zfsstore",
	"zfsstore/internal/zfsname": "zfsstore",
	"zfsstore/internal/zfsprop": "zfsstore",
}

// compiler cross-compiles the module's tests and programs into a tree.
type compiler struct {
	module goModule
	arch   string
	tree   string
}

// contents is what a bundle holds.
type contents struct {
	Tests    []string // folders with a test binary
	Suites   []string // folders of suites, in their order; "-" for a missing one
	Programs []string // folders of package main
	Testdata []string // testdata folders
}

func (c compiler) env() []string {
	return []string{"GOOS=freebsd", "GOARCH=" + c.arch, "CGO_ENABLED=0"}
}

// testBinary returns the path of a folder's test binary in the tree. It is in the
// folder itself, which is its working directory, as with go test.
func testBinary(folder string) string {
	return path.Join("tree", folder, "go.test")
}

func programBinary(folder string) string { return path.Join("bin", path.Base(folder)) }

// build compiles everything, several at a time: most of the work is linking, which
// uses one processor.
func (c compiler) build(ctx context.Context, packages []goPackage) (contents, error) {
	made := contents{Suites: slices.Repeat([]string{"-"}, len(suites))}
	var jobs [][]string
	target := func(name string) string { return filepath.Join(c.tree, filepath.FromSlash(name)) }
	for _, p := range packages {
		folder := c.module.folder(p)
		tests, err := p.tests()
		if err != nil {
			return made, err
		}
		for i, name := range suites {
			if slices.Contains(tests, name) {
				made.Suites[i] = folder
			}
		}
		// A test binary with nothing to run would look like one whose tests have all
		// been left out.
		if len(tests) > 0 {
			made.Tests = append(made.Tests, folder)
			if err := copySources(p.Dir, target(path.Join("tree", folder))); err != nil {
				return made, err
			}
			jobs = append(jobs, []string{"test", "-c", "-trimpath", "-ldflags=-s -w", "-o", target(testBinary(folder)), p.ImportPath})
		}
		if p.Name == "main" {
			made.Programs = append(made.Programs, folder)
			jobs = append(jobs, []string{"build", "-trimpath", "-ldflags=-s -w", "-o", target(programBinary(folder)), p.ImportPath})
		}
	}
	if len(made.Tests) == 0 {
		return made, errors.New("the module has no tests")
	}
	if err := c.all(ctx, jobs); err != nil {
		return made, err
	}
	var err error
	made.Testdata, err = testdataFolders(c.module.Dir)
	if err != nil {
		return made, err
	}
	for _, folder := range made.Testdata {
		from := os.DirFS(filepath.Join(c.module.Dir, filepath.FromSlash(folder)))
		if err := os.CopyFS(target(path.Join("tree", folder)), from); err != nil {
			return made, err
		}
	}
	return made, nil
}

// copySources copies a package's files and its rc(8) scripts, which some tests read.
func copySources(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, pattern := range []string{"[^.]*", "rc.d/[^.]*"} {
		files, err := fs.Glob(os.DirFS(from), pattern)
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := copyFile(filepath.Join(from, file), filepath.Join(to, file)); err != nil {
				return err
			}
		}
	}
	return nil
}

// copyFile copies a regular file and ignores anything else.
func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, info.Mode().Perm()&0o755)
}

// all runs go commands, one per processor at a time, and stops at the first failure.
func (c compiler) all(ctx context.Context, jobs [][]string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan []string)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for job := range queue {
				if _, err := goCommand(ctx, c.module.Dir, c.env(), job...); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, job := range jobs {
		if ctx.Err() != nil {
			break
		}
		queue <- job
	}
	close(queue)
	workers.Wait()
	return context.Cause(ctx)
}

// write adds run.sh and the lists it reads.
func (c compiler) write(made contents) error {
	var tests, runs strings.Builder
	for _, folder := range made.Tests {
		fmt.Fprintln(&tests, strings.TrimSpace(folder+" "+former[folder]))
	}
	for i, folder := range made.Suites {
		fmt.Fprintln(&runs, strings.TrimSpace(folder+" "+suites[i]+" "+former[folder]))
	}
	return errors.Join(
		os.WriteFile(filepath.Join(c.tree, "run.sh"), runScript, 0o755),
		os.WriteFile(filepath.Join(c.tree, "tests"), []byte(tests.String()), 0o644),
		os.WriteFile(filepath.Join(c.tree, "suites"), []byte(runs.String()), 0o644),
	)
}
