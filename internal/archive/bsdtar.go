package archive

import (
	"bufio"
	"context"
	"io"
	"os"
)

// toTar is the size of the buffer for bsdtar(1). It collects headers and small
// members: waking the program for each of them costs more than the check.
const toTar = 512 << 10

// bsdtar passes accepted members to bsdtar(1), which writes them later than they are
// checked. So modelTree knows what it has not written yet.
type bsdtar struct {
	t      *tool
	stdin  io.WriteCloser
	out    *bufio.Writer // to stdin
	model  *modelTree
	buf    []byte
	waited bool
	err    error
}

// startBsdtar runs "bsdtar -xpf -" in root: -p restores modes, owners, ACLs
// and file flags. Without -P bsdtar(1) also refuses "..", absolute names and
// symbolic links on the way by itself.
func startBsdtar(ctx context.Context, path, root string, dir *os.Root) (*bsdtar, error) {
	t := newTool(ctx, path, "-xpf", "-")
	t.cmd.Dir = root
	stdin, theirs, err := newPipe(true)
	if err == nil {
		t.cmd.Stdin = theirs
		if err = t.cmd.Start(); err != nil {
			stdin.Close()
		}
		theirs.Close()
	}
	if err != nil {
		t.cancel()
		return nil, t.failed(err)
	}
	return &bsdtar{t: t, stdin: stdin, out: bufio.NewWriterSize(stdin, toTar), model: newModelTree(dir), buf: make([]byte, 128<<10)}, nil
}

func (b *bsdtar) tree() tree { return b.model }

func (b *bsdtar) raw() io.Writer { return b }

// Write feeds bsdtar.
func (b *bsdtar) Write(p []byte) (int, error) {
	n, err := b.out.Write(p)
	return n, b.cause(err)
}

// cause returns why the pipe broke: bsdtar's own exit status and message.
func (b *bsdtar) cause(err error) error {
	if err == nil {
		return nil
	}
	if exit := b.wait(); exit != nil {
		return exit
	}
	// It ended with success before its input did.
	return b.t.failed(err)
}

func (b *bsdtar) member(_ *member, data io.Reader) error {
	// The gate writes what is read here; io.Discard's own buffer is small.
	_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, data, b.buf)
	return err
}

func (b *bsdtar) wait() error {
	if !b.waited {
		b.waited = true
		b.stdin.Close()
		b.err = b.t.failed(b.t.cmd.Wait())
		b.t.cancel()
	}
	return b.err
}

func (b *bsdtar) finish() error {
	if err := b.cause(b.out.Flush()); err != nil {
		return err
	}
	return b.wait()
}

func (b *bsdtar) abort() {
	b.t.cancel()
	_ = b.wait() // it was killed
}
