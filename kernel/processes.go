package kernel

import (
	"context"
	"io"
	"os"
	"time"
)

// Command is a program to run, on the host or in a jail.
type Command struct {
	// Jail is where to run; the zero identity is the host. The identity is
	// checked before jexec(8) is given the jid.
	Jail Identity
	// Argv is the program and its arguments. In a jail the program is looked
	// up there, with the PATH of Env.
	Argv []string
	// Env is the whole environment; nothing is inherited from the caller.
	Env []string
	// Dir is the working directory, inside the jail for a jail; empty is "/".
	Dir string
	// User of the jail's passwd(5) to run as, or of the host's for a command on
	// the host; empty is root.
	User string
	// SystemUser looks User up on the host for a command in a jail too, jexec(8)
	// -u.
	SystemUser bool
	// FIB is the routing table of a command in a jail, setfib(1). One that the
	// kernel does not have (net.fibs) is EINVAL.
	FIB int
	// Stdin is read to its end; nil is /dev/null.
	Stdin io.Reader
	// Stdout and Stderr get what the program writes, as it is written; nil
	// discards it. If they are equal, the two streams keep their order.
	Stdout, Stderr io.Writer
	// Terminal, if set, is given as standard input, output and error instead.
	Terminal *os.File
	// KillDelay is how long the process group has between SIGTERM and SIGKILL
	// once the context has ended; 0 sends SIGKILL at once.
	KillDelay time.Duration
}

// Exit is how a command ended.
type Exit struct {
	Code   int // exit status, -1 when a signal ended it
	Signal int // 0 when it exited by itself
}

// Success tells whether the command exited with status 0.
func (e Exit) Success() bool { return e.Code == 0 && e.Signal == 0 }

// Process is one process of a jail. PID and Start together are its identity.
type Process struct {
	PID     int
	JID     int
	Start   time.Time
	Command string
	User    uint32 // effective user id
}

// Processes runs, lists and ends processes.
type Processes interface {
	// Run starts the command and waits for its end. A command that ran and
	// exited non-zero is no error. Errors: the context's, ErrNotFound for a
	// jail that has ended, *CallError when it could not be started: ENOENT and
	// ErrNotFound for a program that is not there, ErrNotFound for a user. In a
	// jail jexec(8) starts it: then Exit is status 1 and Stderr has its message
	// as well. When the context ends first the whole process group is killed
	// before Run returns.
	Run(ctx context.Context, cmd Command) (Exit, error)

	// ProcessList lists the processes whose jail has that jid, children of the
	// jail not included.
	ProcessList(ctx context.Context, jid int) ([]Process, error)

	// ProcessSignal sends a signal if the pid still is the process that was
	// listed; if not, ErrStale.
	ProcessSignal(ctx context.Context, p Process, signal int) error

	// ProcessWait returns when all of them have ended, or with the context's
	// error.
	ProcessWait(ctx context.Context, procs []Process) error
}
