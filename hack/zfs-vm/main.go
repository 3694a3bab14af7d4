package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
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

// run tests in a guest according to the arguments and prints its progress to w.
func run(ctx context.Context, args []string, w io.Writer) error {
	flags := flag.NewFlagSet("zfs-vm", flag.ContinueOnError)
	flags.SetOutput(w)
	cache := flags.String("cache", "", "`directory` of what is fetched and built; the default is go-libioc/zfs-vm in the user's cache directory")
	fetchAge := flags.Duration("fetch-age", 24*time.Hour, "ask Debian for new versions if that was last done longer ago")
	timeout := flags.Duration("timeout", 40*time.Minute, "how long the guest may take")
	keep := flags.String("keep", "", "`file` to keep the initramfs in")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	dir, err := cacheDir(*cache)
	if err != nil {
		return err
	}
	unlock, err := lock(ctx, filepath.Join(dir, "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	work, err := os.MkdirTemp("", "zfs-vm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)

	var parts stopwatch
	m := machine{dir: work, initramfs: filepath.Join(work, "initramfs"), timeout: *timeout, wanted: wanted}
	if *keep != "" {
		m.initramfs = *keep
	}
	a := apt{dir: filepath.Join(dir, "apt"), out: w}
	var versions []version
	var g guest
	for _, part := range []struct {
		name  string
		limit time.Duration
		do    func(context.Context) error
	}{
		{"tools", 10 * time.Minute, func(ctx context.Context) error { return needTools(ctx, w) }},
		{"versions", 5 * time.Minute, func(ctx context.Context) (err error) {
			versions, err = a.resolve(ctx, *fetchAge)
			return err
		}},
		{"guest", 2 * time.Hour, func(ctx context.Context) (err error) {
			g, err = makeGuest(ctx, dir, a, versions, w)
			return err
		}},
		{"tests", 10 * time.Minute, func(ctx context.Context) (err error) {
			g.tests, err = compileTests(ctx, work)
			return err
		}},
		{"initramfs", 5 * time.Minute, func(context.Context) error { return g.writeInitramfs(m.initramfs) }},
		{"run", *timeout + time.Minute, func(ctx context.Context) error { return m.run(ctx, g.kernel, w) }},
	} {
		fmt.Fprintf(w, "--- %s\n", part.name)
		partCtx, cancel := context.WithTimeoutCause(ctx, part.limit, fmt.Errorf("took longer than %v", part.limit))
		begin := time.Now()
		err := part.do(partCtx)
		if cause := context.Cause(partCtx); err != nil && cause != nil {
			err = errors.Join(cause, err)
		}
		cancel()
		parts.add(part.name, time.Since(begin))
		if err != nil {
			fmt.Fprintln(w, parts.String())
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	fmt.Fprintln(w, parts.String())
	return nil
}

// stopwatch says how long each part took.
type stopwatch struct{ text string }

func (s *stopwatch) add(part string, took time.Duration) {
	s.text += fmt.Sprintf(", %s %.1f s", part, took.Seconds())
}

func (s *stopwatch) String() string { return "zfs-vm" + s.text }

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
