package archive

import (
	"fmt"
	"io"
)

const blockSize = 512

// maxHeader is the largest size of one member's headers: a long name, a PAX
// header and a sparse map have 1 MiB each at most in archive/tar.
const maxHeader = 4 << 20

// gate is between the decompressed stream and the tar parser. While it is closed it
// keeps what the parser reads. When the header is accepted, release passes the kept
// bytes on to w, and further reads go to w directly. So w gets the archive's own
// bytes, but none of a member that was rejected.
type gate struct {
	r    io.Reader
	w    io.Writer // may be nil
	off  int64     // bytes read so far
	shut bool
	held []byte
}

// hold closes the gate. It returns how many bytes of padding of the previous
// member come before the next header.
func (g *gate) hold() (padding int) {
	g.shut = true
	g.held = g.held[:0]
	if cap(g.held) > 64<<10 {
		g.held = nil
	}
	return int((blockSize - g.off%blockSize) % blockSize)
}

func (g *gate) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	g.off += int64(n)
	switch {
	case n == 0:
	case g.shut:
		if len(g.held)+n > maxHeader {
			return n, fmt.Errorf("archive: %w: headers of one member exceed %d bytes", ErrFormat, maxHeader)
		}
		g.held = append(g.held, p[:n]...)
	case g.w != nil:
		if _, werr := g.w.Write(p[:n]); werr != nil {
			return n, werr
		}
	}
	return n, err
}

// release opens the gate.
func (g *gate) release() error {
	g.shut = false
	if g.w == nil {
		return nil
	}
	_, err := g.w.Write(g.held)
	return err
}

// end is called when the parser found the end of the archive. Without a marker of
// zeros the file was cut between two members.
func (g *gate) end(padding int) error {
	if len(g.held) < padding+blockSize {
		return fmt.Errorf("archive: %w: no end-of-archive marker", ErrTruncated)
	}
	if g.w == nil {
		return nil
	}
	_, err := g.w.Write(make([]byte, padding+2*blockSize))
	return err
}
