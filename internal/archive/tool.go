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

	"github.com/libioc/go-libioc/internal/procgroup"
	"github.com/libioc/go-libioc/internal/tail"
)

// toolWait is how long to wait for pipes after a program was killed.
const toolWait = 5 * time.Second

// tool is a running program of the base system.
type tool struct {
	cmd    *exec.Cmd
	cancel context.CancelFunc
	stderr *tail.Buffer
}

// newTool prepares a program in its own process group. Its environment has a fixed
// locale and no variables such as TAR_READER_OPTIONS and XZ_DEFAULTS. Ending the
// context kills the group.
func newTool(ctx context.Context, path string, args ...string) *tool {
	t := &tool{stderr: tail.First(maxStderr)}
	ctx, t.cancel = context.WithCancel(ctx)
	t.cmd = exec.CommandContext(ctx, path, args...)
	t.cmd.Env = []string{"PATH=/sbin:/bin:/usr/sbin:/usr/bin", "LC_ALL=C.UTF-8"}
	t.cmd.Stderr = t.stderr
	t.cmd.WaitDelay = toolWait
	procgroup.Own(t.cmd)
	return t
}

// failed returns a *ToolError for an error of the program, nil for nil.
func (t *tool) failed(err error) error {
	if err == nil {
		return nil
	}
	e := &ToolError{Args: t.cmd.Args, ExitCode: -1, Stderr: t.stderr.String(), Err: err}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		e.ExitCode = exit.ExitCode()
	}
	return e
}

// maxStderr is how much is kept of what a program complains.
const maxStderr = 8 << 10

// gather is how long to wait after xz(1) has written little, so that more
// accumulates: it writes 8 KB at a time, and in this time its output fits into
// pipeBuffer.
const gather = time.Millisecond

// xzReader reads the output of xz(1), and returns its failure instead of EOF.
type xzReader struct {
	t      *tool
	out    io.ReadCloser
	fed    chan struct{} // closed when its input is no longer fed
	little bool          // the last Read returned little
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

// xzMemory is the memory that xz(1) may use, in bytes: about six blocks of a
// release's archive, and more than maxDict. Since 5.4 xz decompresses blocks in
// parallel if asked to, within this limit and a quarter of the machine's memory.
const xzMemory = 256 << 20

// pipe makes the stream read from "xz -dc".
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
		// The program explains an error of the pipe, the source one of in.
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
	if te, ok := errors.AsType[*ToolError](failure); ok {
		// xz(1) has one exit status for all failures; liblzma's messages differ.
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
