//go:build freebsd || linux || darwin

package freebsd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

// openSecret opens a file with a secret without close-on-exec, as C code does.
func openSecret(t *testing.T, path string) int {
	t.Helper()
	fd, err := syscall.Open(path, syscall.O_RDONLY, 0)
	check(t, err)
	t.Cleanup(func() { syscall.Close(fd) })
	return fd
}

// TestCommandGetsNoDescriptor: a command, and so a hook, could read whatever file the
// program had open without close-on-exec.
func TestCommandGetsNoDescriptor(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	check(t, os.WriteFile(secret, []byte("open sesame"), 0o600))
	low := openSecret(t, secret)
	high := 500
	check(t, syscall.Dup2(low, high))
	t.Cleanup(func() { syscall.Close(high) })
	for _, fd := range []int{low, high} {
		_, out, _, err := runSh(t, context.Background(), fmt.Sprintf("cat </dev/fd/%d; ls /dev/fd", fd), nil)
		if err != nil || strings.Contains(out, "sesame") {
			t.Errorf("descriptor %d: %q, %v", fd, out, err)
		}
	}
	// What a command is meant to get still arrives.
	in, err := os.Open(secret)
	check(t, err)
	defer in.Close()
	if _, out, _, err := runSh(t, context.Background(), "cat", func(c *kernel.Command) { c.Stdin = in }); err != nil || out != "open sesame" {
		t.Errorf("standard input: %q, %v", out, err)
	}
}
