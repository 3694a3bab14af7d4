package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "zfs-vm:", err)
		os.Exit(1)
	}
}

// wanted are the tests that the guest has to pass, none of which may skip.
var wanted = []string{"TestExecConformance", "TestExecReplay"}

// tools are the programs that the guest is made and run with. The part zfs of
// .ci/run names the packages they come with.
var tools = []string{"apt-get", "awk", "bsdtar", "dpkg-deb", "file", "gcc", "make", "qemu-system-x86_64", "strip"}

// run tests in a guest according to the arguments and prints its progress to w.
func run(ctx context.Context, args []string, w io.Writer) error {
	flags := flag.NewFlagSet("zfs-vm", flag.ContinueOnError)
	flags.SetOutput(w)
	cache := flags.String("cache", "", "`directory` of what is fetched and built; the default is go-libioc/zfs-vm in the user's cache directory")
	fetchAge := flags.Duration("fetch-age", 24*time.Hour, "ask Debian for new versions if that was last done longer ago")
	timeout := flags.Duration("timeout", 40*time.Minute, "how long the guest may take")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return fmt.Errorf("the guest is made on Debian on amd64, not on %s on %s", runtime.GOOS, runtime.GOARCH)
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			return err
		}
	}
	dir, err := cacheDir(*cache)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "zfs-vm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	g, err := makeGuest(ctx, dir, apt{dir: filepath.Join(dir, "apt"), out: w}, *fetchAge)
	if err != nil {
		return err
	}
	m := machine{dir: work, kernel: g.kernel, initramfs: filepath.Join(work, "initramfs"), timeout: *timeout, wanted: wanted}
	if err := g.writeInitramfs(ctx, m.initramfs, filepath.Join(work, "root")); err != nil {
		return err
	}
	return m.run(ctx, w)
}

// cacheDir makes the cache directory, or the default one, and returns its path.
func cacheDir(dir string) (string, error) {
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(user, "go-libioc", "zfs-vm")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
}
