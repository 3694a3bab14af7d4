package jailerr

import "github.com/libioc/go-libioc/internal/tail"

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
	return "hook " + e.Hook + ": " + e.Command + ": " + tail.Ended(e.Err, e.Signal, e.ExitCode, e.Output)
}

// Unwrap returns the cause, if it could not run.
func (e *HookError) Unwrap() error { return e.Err }
