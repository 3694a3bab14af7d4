package archive

import (
	"context"
	"io"
	"os"
)

// bsdtar hands accepted members to bsdtar(1). It works behind the check, so
// modelTree stands in for what it has not written yet.
type bsdtar struct {
	t      *tool
	stdin  io.WriteCloser
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
	theirs, stdin, err := newPipe()
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
	return &bsdtar{t: t, stdin: stdin, model: newModelTree(dir), buf: make([]byte, 128<<10)}, nil
}

func (b *bsdtar) tree() tree { return b.model }

func (b *bsdtar) raw() io.Writer { return b }

// Write feeds bsdtar. When the pipe breaks, bsdtar's own exit status and
// message are the cause.
func (b *bsdtar) Write(p []byte) (int, error) {
	n, err := b.stdin.Write(p)
	if err != nil {
		if exit := b.wait(); exit != nil {
			err = exit
		} else {
			// It ended with success before its input did.
			err = b.t.failed(err)
		}
	}
	return n, err
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

func (b *bsdtar) finish() error { return b.wait() }

func (b *bsdtar) abort() {
	b.t.cancel()
	b.wait()
}
