package zfsstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/libioc/go-libioc/internal/tail"
	"github.com/libioc/go-libioc/zfsstore/internal/cmdline"
)

const (
	// waitDelay is how long is waited for a killed process's output to end.
	waitDelay = 5 * time.Second
	// maxStderr is what is kept of standard error. A destroy lists all it
	// would have destroyed.
	maxStderr = 64 << 10
)

// invocation is one process to be run.
type invocation struct {
	program, op, dataset string
	args                 []string
	input                io.Reader
	output               func(io.Reader) error // reads standard output; nil: not wanted
}

// command prepares a process: with messages in English, in a process group of
// its own, which is killed when ctx ends.
func command(ctx context.Context, v invocation) (*exec.Cmd, *tail.Buffer) {
	cmd := exec.CommandContext(ctx, v.program, v.args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdin = v.input
	cmd.WaitDelay = waitDelay
	stderr := tail.First(maxStderr)
	cmd.Stderr = stderr
	ownGroup(cmd)
	return cmd, stderr
}

// run runs a process to its end.
func (e *Exec) run(ctx context.Context, v invocation) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd, stderr := command(ctx, v)
	if v.output == nil {
		return v.failure(ctx, cmd.Run(), stderr.String())
	}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return v.failure(ctx, err, stderr.String())
	}
	broken := v.output(stdout)
	caller := ctx.Err()
	if broken != nil {
		cancel() // it may still be writing what nobody reads
	}
	err = cmd.Wait()
	if broken != nil && caller == nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() <= 0 {
			err = broken
		}
		ctx = context.WithoutCancel(ctx)
	}
	return v.failure(ctx, err, stderr.String())
}

// failure makes the error of a process that ended with err, nil if that is nil.
func (v invocation) failure(ctx context.Context, err error, stderr string) error {
	if err == nil {
		return nil
	}
	out := Refused(v.op, v.dataset, append([]string{v.program}, v.args...), -1, stderr)
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

func readLines(r io.Reader) ([]string, error) {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxLine)
	var lines []string
	for in.Scan() {
		lines = append(lines, in.Text())
	}
	return lines, in.Err()
}

// Send implements Store.
func (e *Exec) Send(ctx context.Context, snapshot string, opts SendOptions) (io.ReadCloser, error) {
	args := cmdline.Send(opts).Args(snapshot)
	if err := e.needSnapshot("send", snapshot, args); err != nil {
		return nil, err
	}
	if err := e.checkName("send", snapshot, args); err != nil {
		return nil, err
	}
	if opts.From != "" {
		if err := e.checkName("send", opts.From, args); err != nil {
			return nil, err
		}
	}
	v := invocation{program: e.zfs, op: "send", dataset: snapshot, args: args}
	inner, cancel := context.WithCancel(ctx)
	s := &execStream{v: v, ctx: ctx, cancel: cancel}
	s.cmd, s.stderr = command(inner, v)
	stdout, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, v.failure(ctx, err, s.stderr.String())
	}
	s.out = bufio.NewReaderSize(stdout, 1<<16)
	// A refusal is written before anything is sent.
	if _, err := s.out.Peek(1); err != nil {
		if err := s.wait(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// execStream is the output of zfs send.
type execStream struct {
	v      invocation
	ctx    context.Context
	cancel context.CancelFunc
	cmd    *exec.Cmd
	stderr *tail.Buffer
	out    *bufio.Reader

	once sync.Once
	err  error
}

// Read returns io.EOF only if zfs ended well.
func (s *execStream) Read(p []byte) (int, error) {
	n, err := s.out.Read(p)
	if err == nil || n > 0 {
		return n, nil
	}
	if failure := s.wait(); failure != nil {
		return 0, failure
	}
	return 0, err
}

func (s *execStream) wait() error {
	s.once.Do(func() {
		s.err = s.v.failure(s.ctx, s.cmd.Wait(), s.stderr.String())
		s.cancel()
	})
	return s.err
}

// Close ends the process if it has not ended.
func (s *execStream) Close() error {
	s.cancel()
	_ = s.wait() // it was ended, and says so
	return nil
}
