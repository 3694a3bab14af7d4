package zfsstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"time"

	"github.com/libioc/go-libioc/internal/procgroup"
	"github.com/libioc/go-libioc/internal/tail"
)

const (
	// waitDelay limits the wait for a killed process's output to end.
	waitDelay = 5 * time.Second
	// maxStderr limits what is kept of standard error. A refused destroy lists
	// all dependents.
	maxStderr = 64 << 10
)

// prepare makes the process: with messages in English, in a process group of its
// own, which is killed when ctx ends. A change holds the locks of its operation: it
// may outlive this process, and nobody may begin another one until it ends.
func (c command) prepare(ctx context.Context) (*exec.Cmd, *tail.Buffer) {
	cmd := exec.CommandContext(ctx, c.program, c.args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.WaitDelay = waitDelay
	stderr := tail.First(maxStderr)
	cmd.Stderr = stderr
	procgroup.Own(cmd)
	if c.change {
		procgroup.PassLocks(ctx, cmd)
	}
	return cmd, stderr
}

// run runs the process to its end.
func (c command) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd, stderr := c.prepare(ctx)
	if c.input != nil {
		return c.failure(ctx, c.feed(cmd), stderr.String())
	}
	if c.output == nil {
		return c.failure(ctx, cmd.Run(), stderr.String())
	}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return c.failure(ctx, err, stderr.String())
	}
	broken := c.output(stdout)
	caller := ctx.Err()
	if broken != nil {
		cancel() // it may still be writing
	}
	err = cmd.Wait()
	if broken != nil && caller == nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() <= 0 {
			err = broken
		}
		ctx = context.WithoutCancel(ctx)
	}
	return c.failure(ctx, err, stderr.String())
}

// feed runs a process that reads the input. That may block forever, which os/exec
// would wait for even after the end of the process.
func (c command) feed(cmd *exec.Cmd) error {
	to, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return err
	}
	read := make(chan error, 1)
	go func() {
		defer to.Close()
		_, err := io.Copy(to, c.input)
		if failed, ok := errors.AsType[*fs.PathError](err); ok && failed.Op == "write" {
			err = nil // it need not read all
		}
		read <- err
	}()
	if err := cmd.Wait(); err != nil {
		return err
	}
	select {
	case err := <-read:
		return err
	default:
		return nil
	}
}

// failure returns the error of a process that ended with err, nil if that is nil.
func (c command) failure(ctx context.Context, err error, stderr string) error {
	if err == nil {
		return nil
	}
	out := Refused(c.op, c.dataset, append([]string{c.program}, c.args...), -1, stderr)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		out.ExitCode = exit.ExitCode()
	}
	switch {
	case ctx.Err() != nil && out.ExitCode <= 0:
		out.Err = ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		out.Err = fmt.Errorf("%w: %w", ErrUnsupported, err)
	case out.Err == nil:
		out.Err = err
	}
	return out
}
