package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

// recipe is part of what a cached guest is known by. It is to be raised when
// something here changes that makes another guest of the same packages.
const recipe = 1

// guest is what a guest is made of.
type guest struct {
	kernel  string   // the kernel's image
	modules []string // files of kernel modules, in the order of loading
	root    string   // directory of programs and libraries
	tests   testBinary
}

// makeGuest returns the guest of these packages, from the cache or new.
func makeGuest(ctx context.Context, cache string, a apt, versions []version, w io.Writer) (guest, error) {
	dir := filepath.Join(cache, "guest")
	var want strings.Builder
	fmt.Fprintln(&want, "recipe", recipe)
	for _, v := range versions {
		fmt.Fprintln(&want, v)
	}
	have, err := os.ReadFile(filepath.Join(dir, "versions"))
	if err != nil || string(have) != want.String() {
		fresh := filepath.Join(cache, "guest.new")
		err := errors.Join(os.RemoveAll(fresh), os.MkdirAll(filepath.Join(fresh, "modules"), 0o755))
		if err != nil {
			return guest{}, err
		}
		if err := buildGuest(ctx, fresh, a, versions, w); err != nil {
			return guest{}, err
		}
		err = errors.Join(
			os.WriteFile(filepath.Join(fresh, "versions"), []byte(want.String()), 0o644),
			os.RemoveAll(dir), os.Rename(fresh, dir),
		)
		if err != nil {
			return guest{}, err
		}
	}
	for _, v := range versions {
		if v.name == "zfs-dkms" || strings.HasPrefix(v.name, "linux-image-") {
			fmt.Fprintln(w, v)
		}
	}
	g := guest{kernel: filepath.Join(dir, "vmlinuz"), root: filepath.Join(dir, "root")}
	order, err := os.ReadFile(filepath.Join(dir, "modules", "order"))
	for name := range strings.FieldsSeq(string(order)) {
		g.modules = append(g.modules, filepath.Join(dir, "modules", name+".ko"))
	}
	return g, err
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
func buildGuest(ctx context.Context, dir string, a apt, versions []version, w io.Writer) error {
	all := filepath.Join(dir, "packages")
	if err := a.unpack(ctx, versions, all); err != nil {
		return err
	}
	image, err := one(filepath.Join(all, "boot", "vmlinuz-*"))
	if err != nil {
		return err
	}
	if err := copyFile(image, filepath.Join(dir, "vmlinuz"), 0o644); err != nil {
		return err
	}
	if err := copyPrograms(all, filepath.Join(dir, "root"), "sbin/zfs", "sbin/zpool", "bin/busybox"); err != nil {
		return err
	}
	source, err := buildModules(ctx, all, w)
	if err != nil {
		return err
	}
	kernel, err := one(filepath.Join(all, "lib", "modules", "*", "kernel"))
	if err != nil {
		return err
	}
	modules, err := findModules(kernel, source)
	if err != nil {
		return err
	}
	order, err := loadOrder(modules.depends, "virtio_pci", "virtio_blk", "zfs")
	if err != nil {
		return err
	}
	for _, name := range order {
		to := filepath.Join(dir, "modules", name+".ko")
		if _, err := command(ctx, "", "strip", "--strip-debug", "-o", to, modules[name]); err != nil {
			return err
		}
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "modules", "order"), []byte(strings.Join(order, "\n")+"\n"), 0o644),
		os.RemoveAll(all),
	)
}

var compilerName = regexp.MustCompile(`gcc-[0-9]+`)

// buildModules builds OpenZFS's modules for the kernel whose headers were
// unpacked in all, as dkms(8) would, and returns the directory they are in.
func buildModules(ctx context.Context, all string, w io.Writer) (string, error) {
	src := filepath.Join(all, "usr", "src")
	headers, err1 := one(filepath.Join(src, "linux-headers-*[0-9]-amd64"))
	common, err2 := one(filepath.Join(src, "linux-headers-*-common"))
	source, err3 := one(filepath.Join(src, "zfs-*"))
	if err := errors.Join(err1, err2, err3); err != nil {
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
	variables, err := os.ReadFile(filepath.Join(headers, ".kernelvariables"))
	if err != nil {
		return "", err
	}
	if compiler := compilerName.FindString(string(variables)); compiler != "" {
		if _, err := exec.LookPath(compiler); err != nil {
			if err := install(ctx, w, []string{compiler}); err != nil {
				return "", err
			}
		}
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

func copyFile(from, to string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
