package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

//go:embed init.sh
var initScript string

// testBinary is a compiled test and the testdata it reads.
type testBinary struct {
	file     string
	testdata string
}

// compileTests compiles the tests of package zfsstore, statically.
func compileTests(ctx context.Context, dir string) (testBinary, error) {
	const pkg = "github.com/libioc/go-libioc/zfsstore"
	t := testBinary{file: filepath.Join(dir, "zfsstore.test")}
	text, err := command(ctx, "", "go", "list", "-json=Dir", pkg)
	if err != nil {
		return t, err
	}
	var found struct{ Dir string }
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		return t, err
	}
	t.testdata = filepath.Join(found.Dir, "testdata")
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-trimpath", "-ldflags=-s -w", "-o", t.file, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if said, err := cmd.CombinedOutput(); err != nil {
		return t, errors.Join(err, errors.New(string(said)))
	}
	return t, nil
}

// writeInitramfs writes the guest's root file system.
func (g guest) writeInitramfs(file string) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	c := newCPIO(f)
	// Without it the first process would have no standard output.
	c.char("dev/console", 5, 1)
	for _, dir := range []string{"proc", "sys", "tmp", "etc", "root"} {
		c.dir(dir)
	}
	c.link("etc/mtab", "/proc/self/mounts")
	c.file("init", 0o755, int64(len(initScript)), strings.NewReader(initScript))
	var order strings.Builder
	for _, module := range g.modules {
		order.WriteString(filepath.Base(module) + "\n")
		if err := addFile(c, module, path.Join("modules", filepath.Base(module)), 0o644); err != nil {
			return err
		}
	}
	c.file("modules/order", 0o644, int64(order.Len()), strings.NewReader(order.String()))
	if err := addTree(c, g.root, ".", 0o755); err != nil {
		return err
	}
	// A test's working directory is its package's, where testdata is.
	if err := addFile(c, g.tests.file, "zfsstore/go.test", 0o755); err != nil {
		return err
	}
	if err := addTree(c, g.tests.testdata, "zfsstore/testdata", 0o644); err != nil {
		return err
	}
	return c.close()
}

func addFile(c *cpioWriter, from, to string, mode uint32) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	c.file(to, mode, info.Size(), f)
	return c.err
}

func addTree(c *cpioWriter, from, to string, mode uint32) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		relative, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		return addFile(c, name, path.Join(to, filepath.ToSlash(relative)), mode)
	})
}
