package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
)

// tools are the programs and libraries that the machine has to have, and the
// packages they come with. libelf is for objtool, a program of the kernel's
// build.
var tools = []struct{ path, pkg string }{
	{"qemu-system-x86_64", "qemu-system-x86"},
	{"make", "make"},
	{"gcc", "gcc"},
	{"file", "file"},
	{"gawk|mawk", "mawk"},
	{"dpkg-deb", "dpkg"},
	{"strip", "binutils"},
	{"/usr/include/stdlib.h", "libc6-dev"},
	{"/usr/lib/x86_64-linux-gnu/libelf.so.1", "libelf1"},
	{"/usr/lib/x86_64-linux-gnu/libcrypto.so.3", "libssl3"},
}

func hasTool(path string) bool {
	for one := range strings.SplitSeq(path, "|") {
		if _, err := exec.LookPath(one); err == nil {
			return true
		}
		if _, err := os.Stat(one); err == nil && strings.HasPrefix(one, "/") {
			return true
		}
	}
	return false
}

// needTools checks that the tools exist, or installs them; see install.
func needTools(ctx context.Context, w io.Writer) error {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return fmt.Errorf("the guest is made on Debian on amd64, not on %s on %s", runtime.GOOS, runtime.GOARCH)
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("the guest is made on Debian: %w", err)
	}
	var missing []string
	for _, t := range tools {
		if !hasTool(t.path) {
			missing = append(missing, t.pkg)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return install(ctx, w, missing)
}

// install installs packages by apt if the environment variable CI is set.
// Otherwise its error says how to install them.
func install(ctx context.Context, w io.Writer, packages []string) error {
	if os.Getenv("CI") == "" {
		return fmt.Errorf("missing packages: apt-get install --no-install-recommends %s", strings.Join(packages, " "))
	}
	fmt.Fprintln(w, "+ apt-get install", strings.Join(packages, " "))
	for _, args := range [][]string{
		{"apt-get", "-q", "update"},
		append([]string{"apt-get", "-qy", "--no-install-recommends", "install"}, packages...),
	} {
		if os.Getuid() != 0 {
			args = slices.Concat([]string{"sudo", "-n", "--preserve-env=DEBIAN_FRONTEND"}, args)
		}
		if _, err := command(ctx, "", args[0], args[1:]...); err != nil {
			return err
		}
	}
	return nil
}
