package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/libioc/go-libioc/internal/tail"
)

// toolWait bounds the wait for pipes after a program was ended.
const toolWait = 5 * time.Second

// tool is a running program of the base system.
type tool struct {
	cmd    *exec.Cmd
	cancel context.CancelFunc
	stderr *tail.Buffer
}

// newTool prepares a program in its own process group, with an environment in
// which neither the locale nor variables like TAR_READER_OPTIONS and
// XZ_DEFAULTS change what it does. Ending the context kills the group.
func newTool(ctx context.Context, path string, args ...string) *tool {
	t := &tool{stderr: tail.First(maxStderr)}
	ctx, t.cancel = context.WithCancel(ctx)
	t.cmd = exec.CommandContext(ctx, path, args...)
	t.cmd.Env = []string{"PATH=/sbin:/bin:/usr/sbin:/usr/bin", "LC_ALL=C.UTF-8"}
	t.cmd.Stderr = t.stderr
	t.cmd.WaitDelay = toolWait
	ownGroup(t.cmd)
	return t
}

// failed makes a *ToolError of an error of the program, nil of nil.
func (t *tool) failed(err error) error {
	if err == nil {
		return nil
	}
	e := &ToolError{Args: t.cmd.Args, ExitCode: -1, Stderr: t.stderr.String(), Err: err}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		e.ExitCode = exit.ExitCode()
	}
	return e
}

// maxStderr is how much is kept of what a program complains.
const maxStderr = 8 << 10

// gather is how long xz(1) may write on after it has written little: it writes
// 8 KB at a time, and in this time what it writes fits into pipeBuffer.
const gather = time.Millisecond

// xzReader gives what xz(1) writes, and its failure instead of EOF.
type xzReader struct {
	t      *tool
	out    io.ReadCloser
	fed    chan struct{} // closed when nothing reads its input any more
	little bool          // the last Read gave little
	done   bool
	err    error
}

// startBetween runs the program with a pipe at both ends.
func (t *tool) startBetween() (stdin, stdout *os.File, err error) {
	stdin, theirIn, err := newPipe(true)
	if err != nil {
		return nil, nil, err
	}
	defer theirIn.Close()
	stdout, theirOut, err := newPipe(false)
	if err != nil {
		stdin.Close()
		return nil, nil, err
	}
	defer theirOut.Close()
	t.cmd.Stdin, t.cmd.Stdout = theirIn, theirOut
	if err := t.cmd.Start(); err != nil {
		stdin.Close()
		stdout.Close()
		return nil, nil, err
	}
	return stdin, stdout, nil
}

// xzMemory is the memory that xz(1) may use, in bytes: about six of the blocks that
// a release's archive consists of, and more than maxDict. Since 5.4 xz decompresses
// blocks in parallel if told to, within this and a quarter of the machine's.
const xzMemory = 256 << 20

// pipe makes the stream come out of "xz -dc".
func (s *stream) pipe(ctx context.Context, in io.Reader, path string) error {
	t := newTool(ctx, path, "-dc", "--threads=0", fmt.Sprintf("--memlimit-decompress=%d", xzMemory))
	stdin, out, err := t.startBetween()
	if err != nil {
		t.cancel()
		return t.failed(err)
	}
	x := &xzReader{t: t, out: out, fed: make(chan struct{})}
	go func() {
		defer close(x.fed)
		// An error of the pipe is the program's to explain, one of in the source's.
		_, _ = io.CopyBuffer(struct{ io.Writer }{stdin}, struct{ io.Reader }{in}, make([]byte, aheadSize))
		stdin.Close()
	}()
	ahead := newReadAhead(x)
	s.r = ahead
	s.close = func() error {
		t.cancel()
		ahead.stop()
		_ = x.wait() // it was killed
		return nil
	}
	return nil
}

func (x *xzReader) wait() error {
	if !x.done {
		x.done = true
		err := x.t.cmd.Wait()
		select {
		case <-x.fed:
		case <-time.After(toolWait):
			if err == nil {
				err = exec.ErrWaitDelay
			}
		}
		x.err = x.t.failed(err)
		x.out.Close()
		x.t.cancel()
	}
	return x.err
}

func (x *xzReader) Read(p []byte) (int, error) {
	if x.little {
		time.Sleep(gather)
	}
	n, err := x.out.Read(p)
	x.little = n < aheadSize/4
	if err == nil {
		return n, nil
	}
	failure := x.wait()
	var te *ToolError
	if errors.As(failure, &te) {
		// xz(1) has one exit status for all; liblzma's messages tell them apart.
		switch {
		case strings.Contains(te.Stderr, "Unexpected end of input"):
			return n, fmt.Errorf("archive: %w: %w", ErrTruncated, failure)
		case strings.Contains(te.Stderr, "emory usage limit"):
			return n, fmt.Errorf("archive: %w: %w", ErrTooLarge, failure)
		case te.ExitCode > 0:
			return n, fmt.Errorf("archive: %w: %w", ErrFormat, failure)
		}
		return n, failure
	}
	return n, err
}
