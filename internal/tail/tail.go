// Package tail keeps the end of an output that may be of any length.
//
// [Buffer] is an io.Writer for what a program prints: bounded in memory, safe
// for concurrent use, and honest about what it dropped.
package tail

import "sync"

// DefaultMax is how many bytes the zero Buffer keeps.
const DefaultMax = 16 << 20

// A Buffer keeps the last bytes written to it, or the first ones. The zero value
// is [Last](DefaultMax). A Buffer must not be copied.
type Buffer struct {
	max   int
	first bool

	mu      sync.Mutex
	buf     []byte
	start   int // of the oldest byte, once buf is full
	dropped int64
}

// Last returns a Buffer that keeps the last n bytes, DefaultMax if n is not
// positive.
func Last(n int) *Buffer { return &Buffer{max: n} }

// First returns a Buffer that keeps the first n bytes, DefaultMax if n is not
// positive.
func First(n int) *Buffer { return &Buffer{max: n, first: true} }

// Write never fails: what does not fit is dropped and counted.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	written, most := len(p), b.most()
	if !b.first && len(p) >= most {
		b.dropped += int64(len(b.buf) + len(p) - most)
		b.buf, b.start = append(b.buf[:0], p[len(p)-most:]...), 0
		return written, nil
	}
	fits := min(len(p), most-len(b.buf))
	b.buf, p = append(b.buf, p[:fits]...), p[fits:]
	b.dropped += int64(len(p))
	for !b.first && len(p) > 0 {
		n := copy(b.buf[b.start:], p)
		b.start, p = (b.start+n)%most, p[n:]
	}
	return written, nil
}

func (b *Buffer) most() int {
	if b.max > 0 {
		return b.max
	}
	return DefaultMax
}

// Bytes returns a copy of what is kept.
func (b *Buffer) Bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append(append(make([]byte, 0, len(b.buf)), b.buf[b.start:]...), b.buf[:b.start]...)
}

// String returns what is kept.
func (b *Buffer) String() string { return string(b.Bytes()) }

// Dropped returns how many bytes were written and not kept.
func (b *Buffer) Dropped() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropped
}

// Of returns the last n bytes of a text that is longer, after "...", for an
// error message.
func Of(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return "..." + text[len(text)-n:]
}
