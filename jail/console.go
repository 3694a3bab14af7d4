package jail

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/libioc/go-libioc/internal/saferoot"
)

// consoleLog is the file that a jail's commands leave their output in, jail(8)
// exec.consolelog. A nil one takes nothing.
type consoleLog struct {
	mu   sync.Mutex
	file io.WriteCloser
	err  error
}

// openConsoleLog opens the file, of mode 0644 less the umask if it is new. It is
// the host's: one below the jail's root would be the jail's to redirect.
func openConsoleLog(path, root string) (*consoleLog, error) {
	if path == "" {
		return nil, nil
	}
	if path == root || strings.HasPrefix(path, root+string(filepath.Separator)) {
		return nil, fmt.Errorf("%w: %s=%s is in the jail", ErrConfig, consoleLogKey, path)
	}
	dir, err := saferoot.Open(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("console log: %w", err)
	}
	defer dir.Close()
	f, err := dir.OpenFile(filepath.Base(path), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("console log: %w", err)
	}
	return &consoleLog{file: f}, nil
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

// Close closes the file and returns the first error of the log.
func (l *consoleLog) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.err, l.file.Close())
}
