package kernel

import (
	"context"
	"math"
	"syscall"
	"time"
)

// Forever is the limit of a command that ends with its context only, such as a shell
// for a person, or a hook whose exec_timeout is 0.
const Forever time.Duration = math.MaxInt64

// Run runs a command for at most limit. It is the one way in which this module runs
// anything in a jail: whatever is there may be a program that never ends, so that each
// caller says how long it waits. When the limit has passed, the process group is ended
// as when the context ends, and the error is context.DeadlineExceeded. Other errors:
// those of [Processes], and EINVAL for a limit that is not positive.
func Run(ctx context.Context, k Processes, limit time.Duration, cmd Command) (Exit, error) {
	if limit <= 0 {
		return Exit{}, &CallError{Op: "run", Subject: cmd.Jail.Name, Errno: syscall.EINVAL, Msg: "no time limit"}
	}
	if limit < Forever {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	return k.Run(ctx, cmd)
}
