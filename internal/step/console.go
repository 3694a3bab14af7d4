package step

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/pathname"
	"github.com/libioc/go-libioc/internal/saferoot"
	"github.com/libioc/go-libioc/jail/jailerr"
)

// ConsoleLogKey is the property for jail(8)'s exec.consolelog. libioc and iocage
// know none, so it is a user property, which they keep.
const ConsoleLogKey = "user.exec_consolelog"

// consoleLog is the file that a jail's commands leave their output in, jail(8)
// exec.consolelog. A nil one takes nothing.
type consoleLog struct {
	mu   sync.Mutex
	file io.WriteCloser
	err  error
}

// openConsoleLog opens the file, of mode 0644 less the umask if it is new. It is
// the host's: one below a jail's root would be that jail's to redirect. Links on the
// way are not followed, for a jail may have planted them in a directory that it shares
// with the host.
func openConsoleLog(ctx context.Context, h *host.Host, path string) (*consoleLog, error) {
	if path == "" {
		return nil, nil
	}
	root, rel, err := saferoot.Host(path)
	if err != nil {
		return nil, fmt.Errorf("console log: %w", err)
	}
	defer root.Close()
	in, err := jailRootOf(ctx, h, filepath.Join(root.Path(), rel))
	if err != nil {
		return nil, err
	}
	if in != "" {
		return nil, fmt.Errorf("%w: %s=%s is in the jail or release of %s", jailerr.ErrConfig, ConsoleLogKey, path, in)
	}
	f, err := root.OpenFile(rel, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("%s=%s: %w", ConsoleLogKey, path, err)
	}
	return &consoleLog{file: f}, nil
}

// jailRootOf is the dataset of the jail or release in whose root a path is; empty
// for the host's own.
func jailRootOf(ctx context.Context, h *host.Host, path string) (string, error) {
	sources, err := h.Sources(ctx)
	if err != nil {
		return "", err
	}
	mounts, err := h.Mounts(ctx)
	if err != nil {
		return "", err
	}
	for _, m := range mounts {
		if m.Type != "zfs" || !pathname.Within(path, m.Path) {
			continue
		}
		for _, s := range sources {
			for _, kind := range []string{"/jails/", "/releases/"} {
				rest, ok := strings.CutPrefix(m.From, s.Dataset+kind)
				if name, below, deep := strings.Cut(rest, "/"); ok && deep && (below == "root" || strings.HasPrefix(below, "root/")) {
					return s.Dataset + kind + name, nil
				}
			}
		}
	}
	return "", nil
}

// write adds to the log. A full disk must not end the command, so the first
// error is kept and nothing more is written.
func (l *consoleLog) write(p []byte) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		_, l.err = l.file.Write(p)
	}
}

// close closes the file; what kept the log from being whole is told among the
// command's messages.
func (l *consoleLog) close(messages io.Writer) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := errors.Join(l.err, l.file.Close()); err != nil {
		fmt.Fprintf(messages, "console log: %v\n", err)
	}
}
