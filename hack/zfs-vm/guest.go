package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// recipe is part of what a cached guest is known by. It is to be raised when
// something here changes that makes another guest of the same packages.
const recipe = 2

// guest is the part of a guest that is kept: its kernel, and the directory of
// its programs, libraries and kernel modules.
type guest struct{ kernel, root string }

// makeGuest returns the guest of these packages, from the cache or new.
func makeGuest(ctx context.Context, cache string, a apt, age time.Duration) (guest, error) {
	names, versions, err := a.resolve(ctx, age)
	if err != nil {
		return guest{}, err
	}
	dir := filepath.Join(cache, "guest")
	g := guest{kernel: filepath.Join(dir, "vmlinuz"), root: filepath.Join(dir, "root")}
	want := fmt.Sprintf("recipe %d\n%s", recipe, versions)
	have, err := os.ReadFile(filepath.Join(dir, "versions"))
	if err == nil && string(have) == want {
		return g, nil
	}
	fresh, err := os.MkdirTemp(cache, "guest-")
	if err != nil {
		return guest{}, err
	}
	defer os.RemoveAll(fresh)
	if err := buildGuest(ctx, fresh, a, names); err != nil {
		return guest{}, err
	}
	return g, errors.Join(
		os.WriteFile(filepath.Join(fresh, "versions"), []byte(want), 0o644),
		os.RemoveAll(dir), os.Rename(fresh, dir),
	)
}

// one returns the only path that matches.
func one(pattern string) (string, error) {
	found, err := filepath.Glob(pattern)
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("%d files match %s", len(found), pattern)
	}
	if err != nil {
		return "", err
	}
	return found[0], nil
}

// buildGuest unpacks the packages, builds the modules, and keeps what the guest
// needs of both in dir.
func buildGuest(ctx context.Context, dir string, a apt, names []string) error {
	all, root := filepath.Join(dir, "packages"), filepath.Join(dir, "root")
	if err := a.unpack(ctx, names, all); err != nil {
		return err
	}
	image, err := one(filepath.Join(all, "boot", "vmlinuz-*"))
	if err != nil {
		return err
	}
	release := strings.TrimPrefix(filepath.Base(image), "vmlinuz-")
	built, err := buildModules(ctx, all, release, a.out)
	if err != nil {
		return err
	}
	modules := filepath.Join(root, "lib", "modules", release)
	if err := os.MkdirAll(modules, 0o755); err != nil {
		return err
	}
	drivers := filepath.Join(all, "lib", "modules", release, "kernel", "drivers")
	for _, pattern := range []string{
		filepath.Join(drivers, "virtio", "*.ko"),
		filepath.Join(drivers, "block", "virtio_blk.ko"),
		filepath.Join(built, "*.ko"),
		filepath.Join(built, "*", "*.ko"),
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, file := range found {
			to := filepath.Join(modules, filepath.Base(file))
			if _, err := command(ctx, "", "strip", "--strip-debug", "-o", to, file); err != nil {
				return err
			}
		}
	}
	for _, name := range []string{
		"sbin/zfs", "sbin/zpool", "bin/busybox",
		"lib64", "lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu",
	} {
		to := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.Rename(filepath.Join(all, name), to)); err != nil {
			return err
		}
	}
	return errors.Join(os.Rename(image, filepath.Join(dir, "vmlinuz")), os.RemoveAll(all))
}

// buildModules builds OpenZFS's modules for a release of the kernel whose
// headers were unpacked in all, as dkms(8) would, and returns the directory they
// are in.
func buildModules(ctx context.Context, all, release string, w io.Writer) (string, error) {
	src := filepath.Join(all, "usr", "src")
	headers := filepath.Join(src, "linux-headers-"+release)
	common := strings.TrimSuffix(headers, "-amd64") + "-common"
	source, err := one(filepath.Join(src, "zfs-*"))
	if err != nil {
		return "", err
	}
	// The headers name each other by the path that they would be installed at.
	makefile := filepath.Join(headers, "Makefile")
	text, err := os.ReadFile(makefile)
	if err != nil {
		return "", err
	}
	moved := strings.ReplaceAll(string(text), "/usr/src/", src+"/")
	if err := os.WriteFile(makefile, []byte(moved), 0o644); err != nil {
		return "", err
	}
	for _, step := range [][]string{
		{"./configure", "--quiet", "--with-config=kernel", "--with-linux=" + common, "--with-linux-obj=" + headers},
		{"make", "--silent", "-j" + strconv.Itoa(runtime.NumCPU()), "-C", "module"},
	} {
		fmt.Fprintln(w, "+", strings.Join(step[:2], " "), "...")
		if _, err := command(ctx, source, step[0], step[1:]...); err != nil {
			return "", err
		}
	}
	return filepath.Join(source, "module"), nil
}

//go:embed init.sh
var initScript []byte

// writeInitramfs compiles the tests of package zfsstore and writes the guest's
// root file system with them, an archive of cpio(5), made of what is kept and of
// a new directory.
func (g guest) writeInitramfs(ctx context.Context, file, dir string) error {
	const pkg = "github.com/libioc/go-libioc/zfsstore"
	// A test's working directory is its package's, where testdata is.
	tests := filepath.Join(dir, "zfsstore")
	source, err := command(ctx, "", "go", "list", "-f", "{{.Dir}}", pkg)
	if err != nil {
		return err
	}
	testdata := filepath.Join(strings.TrimSpace(source), "testdata")
	err = errors.Join(
		os.CopyFS(filepath.Join(tests, "testdata"), os.DirFS(testdata)),
		os.WriteFile(filepath.Join(dir, "init"), initScript, 0o755),
	)
	if err != nil {
		return err
	}
	if _, err := command(ctx, "", "go", "test", "-c", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(tests, "go.test"), pkg); err != nil {
		return err
	}
	_, err = command(ctx, "", "bsdtar", "--format", "newc", "--uid", "0", "--gid", "0", "-cf", file, "-C", g.root, ".", "-C", dir, ".")
	return err
}
