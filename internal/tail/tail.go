// Package tail keeps the end of an output that may be of any length.
//
// [Buffer] is an io.Writer for what a program prints: bounded in memory, safe
// for concurrent use, and honest about what it dropped.
package tail

import (
	"bytes"
	"sync"
)

// DefaultMax is how many bytes the zero Buffer keeps.
const DefaultMax = 16 << 20

// A Buffer keeps the last bytes written to it, or the first ones. The zero value
// is [Last](DefaultMax). A Buffer must not be copied.
type Buffer struct {
	max   int
	first bool

	mu      sync.Mutex
	buf     []byte
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
	most := b.max
	if most <= 0 {
		most = DefaultMax
	}
	b.buf = append(b.buf, p...)
	if over := len(b.buf) - most; over > 0 {
		b.dropped += int64(over)
		if b.first {
			over = 0
		}
		b.buf = b.buf[over : over+most] // append copies only what is kept
	}
	return len(p), nil
}

// Bytes returns a copy of what is kept.
func (b *Buffer) Bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.buf)
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
