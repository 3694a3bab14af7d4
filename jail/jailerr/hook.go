package jailerr

import (
	"fmt"
	"strings"
)

// HookError is a hook or command of a jail that did not end with status 0
// (libioc: JailHookFailed).
type HookError struct {
	Hook     string // "prestart", "start", ..., "command"
	Command  string
	ExitCode int // -1 when a signal ended it
	Signal   int
	Output   string // the end of what it wrote
	Err      error  // why it could not run, or the context's error; else nil
}

func (e *HookError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "hook %s: %s", e.Hook, e.Command)
	switch {
	case e.Err != nil:
		fmt.Fprintf(&b, ": %v", e.Err)
	case e.Signal != 0:
		fmt.Fprintf(&b, ": killed by signal %d", e.Signal)
	default:
		fmt.Fprintf(&b, ": exit status %d", e.ExitCode)
	}
	if out := strings.TrimSpace(e.Output); out != "" {
		b.WriteString(": " + out)
	}
	return b.String()
}

// Unwrap returns the cause, if it could not run.
func (e *HookError) Unwrap() error { return e.Err }
