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
	// checked before jexec(8) gets the jid.
	Jail Identity
	// Argv is the program and its arguments. The program is looked up in the
	// jail, with the PATH of Env.
	Argv []string
	// Env is the whole environment; nothing is inherited from the caller.
	Env []string
	// Dir is the working directory, inside the jail for a jail; empty is "/".
	Dir string
	// User of the jail's passwd(5) to run as, or of the host's for a command on
	// the host; empty is root.
	User string
	// SystemUser looks User up on the host also for a command in a jail, like
	// jexec(8) -u.
	SystemUser bool
	// FIB is the routing table of a command in a jail, setfib(1). Run fails with
	// EINVAL if the kernel does not have it (net.fibs).
	FIB int
	// Stdin is read to its end; nil is /dev/null.
	Stdin io.Reader
	// Stdout and Stderr receive the output as it is written; nil discards it. If
	// they are equal, the order of the two streams is kept.
	Stdout, Stderr io.Writer
	// Terminal, if set, is standard input, output and error instead.
	Terminal *os.File
	// KillDelay is the time between SIGTERM and SIGKILL to the process group
	// once the context has ended; with 0 SIGKILL is sent at once.
	KillDelay time.Duration
	// Started, if set, is called once with the process that Run has started, which
	// leads a process group of its own: whoever notes it down can end the group even
	// if this program is killed. It may have to enter the jail yet; its JID is that of
	// the jail nevertheless. If Started fails the group is killed, and Run returns its
	// error.
	Started func(p Process) error
}

// Exit is how a command ended.
type Exit struct {
	Code   int // exit status, -1 when a signal ended it
	Signal int // 0 when it exited by itself
}

// Success reports whether the command exited with status 0.
func (e Exit) Success() bool { return e.Code == 0 && e.Signal == 0 }

// Process is one process of a jail. PID and Start together are its identity.
type Process struct {
	PID     int
	Group   int // the process group, by the pid of its leader
	JID     int
	Start   time.Time
	Command string
	User    uint32 // effective user id
}

// Processes runs, lists and ends processes.
type Processes interface {
	// Run starts the command and waits for its end. A command that ran and
	// exited non-zero is no error. It returns the context's error, ErrNotFound
	// for a jail that has ended, or a *CallError if the command could not be
	// started: ENOENT and ErrNotFound for a program, ErrNotFound for a user that
	// does not exist. In a jail the command is started by jexec(8), whose status
	// 1 and message on Stderr are returned as well. If the context ends first,
	// the whole process group and its leader are killed before Run returns.
	Run(ctx context.Context, cmd Command) (Exit, error)

	// ProcessList lists the processes of the jail with the jid, without those of
	// its child jails.
	ProcessList(ctx context.Context, jid int) ([]Process, error)

	// ProcessListAll lists the processes of the host and of all its jails with one
	// reading of the process table. Process.JID says where each one runs.
	ProcessListAll(ctx context.Context) ([]Process, error)

	// ProcessSignal sends a signal. It fails with ErrStale if the pid does not
	// belong to the listed process any more.
	ProcessSignal(ctx context.Context, p Process, signal int) error

	// ProcessWait returns once all the processes have ended, or with the
	// context's error.
	ProcessWait(ctx context.Context, procs []Process) error
}
