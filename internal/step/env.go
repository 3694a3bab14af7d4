package step

import (
	"context"
	"io"
	"os"

	"github.com/libioc/go-libioc/host"
)

// Env is what steps work on. Everything else is in their arguments, so that
// another process can finish or undo them.
type Env struct {
	Host *host.Host
	Name string // full name of the jail or release, for events
	Run  *Run
	// Release reports that Name is a release's.
	Release bool
	// Local is what the operation's own package adds for its own steps.
	Local any
}

// Run is what one run of an operation on a jail knows besides its journal. None
// of it is written to disk: environments hold secrets, and a terminal ends with
// its process.
type Run struct {
	// Environ returns the environment of the operation's hooks and commands.
	// Resumed reports that another run began the operation: its own variables are
	// gone.
	Environ func(ctx context.Context, resumed bool) ([]string, error)
	// Command has the streams of the operation's own command, and Ended is given
	// how it ended.
	Command Streams
	Ended   func(Outcome)
	// Hooks is given to the hooks in the jail instead of capturing their output.
	Hooks *os.File

	owned io.Closer // a one-shot jail, which ends with this process on FreeBSD 15
}

// Outcome is how an operation's own command ended.
type Outcome struct {
	ExitCode, Signal int
	Stdout, Stderr   []byte
	Dropped          int64
}

// release closes a one-shot jail that has been removed.
func (r *Run) release() error {
	if r == nil || r.owned == nil {
		return nil
	}
	owned := r.owned
	r.owned = nil
	return owned.Close()
}
