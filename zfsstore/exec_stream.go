package zfsstore

import (
	"bufio"
	"context"
	"io"
	"os/exec"
	"sync"

	"github.com/libioc/go-libioc/internal/tail"
	"github.com/libioc/go-libioc/zfsstore/internal/cmdline"
)

// Send implements Store.
func (e *Exec) Send(ctx context.Context, snapshot string, opts SendOptions) (io.ReadCloser, error) {
	c := e.command(snapshot, cmdline.Send(opts).Args(snapshot))
	if err := c.checkSnapshot(); err != nil {
		return nil, err
	}
	if opts.From != "" {
		if err := c.checkName(opts.From); err != nil {
			return nil, err
		}
	}
	inner, cancel := context.WithCancel(ctx)
	s := &execStream{command: c, ctx: ctx, cancel: cancel}
	s.cmd, s.stderr = c.prepare(inner)
	stdout, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, c.failure(ctx, err, s.stderr.String())
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
	command command
	ctx     context.Context
	cancel  context.CancelFunc
	cmd     *exec.Cmd
	stderr  *tail.Buffer
	out     *bufio.Reader

	once sync.Once
	err  error
}

// Read returns io.EOF only if zfs succeeded.
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
		s.err = s.command.failure(s.ctx, s.cmd.Wait(), s.stderr.String())
		s.cancel()
	})
	return s.err
}

// Close ends the process if it is still running.
func (s *execStream) Close() error {
	s.cancel()
	_ = s.wait() // reports that it was killed
	return nil
}

// Receive implements Store.
func (e *Exec) Receive(ctx context.Context, target string, r io.Reader, opts ReceiveOptions) error {
	c := e.command(target, cmdline.Receive(opts).Args(target))
	c.input = r
	if err := c.check(opts.Properties); err != nil {
		return err
	}
	// Ended with ctx: the stream may never end, and the target is then as before.
	c.change = true
	return c.run(ctx)
}
