package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "freebsd-bundle:", err)
		os.Exit(1)
	}
}

// run makes a bundle according to the arguments and prints its contents to w.
func run(ctx context.Context, args []string, w io.Writer) error {
	flags := flag.NewFlagSet("freebsd-bundle", flag.ContinueOnError)
	flags.SetOutput(w)
	arch := flags.String("arch", "amd64", "`GOARCH` to compile for: amd64, arm64 or riscv64")
	out := flags.String("o", "", "`file` to write; the default is dist/freebsd-bundle-ARCH.tar in the module")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	module, err := findModule(ctx)
	if err != nil {
		return err
	}
	path := *out
	if path == "" {
		path = filepath.Join(module.Dir, "dist", "freebsd-bundle-"+*arch+".tar")
	}
	tree, err := os.MkdirTemp("", "freebsd-bundle-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tree)

	c := compiler{module: module, arch: *arch, tree: tree}
	packages, err := c.packages(ctx)
	if err != nil {
		return err
	}
	made, err := c.build(ctx, packages)
	if err != nil {
		return err
	}
	if err := c.write(made); err != nil {
		return err
	}
	top := strings.TrimSuffix(filepath.Base(path), ".tar")
	size, err := writeTar(path, top, tree)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s: %d test binaries, %d programs, %d testdata folders, %d MB\n",
		path, len(made.Tests), len(made.Programs), len(made.Testdata), size>>20)
	return nil
}
