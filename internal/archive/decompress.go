package archive

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

// maxDict is the largest accepted dictionary (xz) or window (zstd): that of
// "xz -9". It limits the memory of decompression.
const maxDict = 64 << 20

// perMember is how many bytes of headers, extensions and padding the decompressed
// stream may have per member. More counts as a bomb.
const perMember = 2 << 10

// stream is the decompressed archive.
type stream struct {
	format string
	r      io.Reader
	left   int64 // bytes that may still be read
	close  func() error
}

// Read fails with ErrTooLarge if the stream is longer than the limits on members
// allow, so that an endless stream ends.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if s.left -= int64(n); s.left < 0 {
		return n, fmt.Errorf("archive: %w: the decompressed archive exceeds the limits on members", ErrTooLarge)
	}
	return n, err
}

// Close stops the decompressor; it may be called twice.
func (s *stream) Close() error {
	if s.close == nil {
		return nil
	}
	err := s.close()
	s.close = nil
	return err
}

var magics = []struct {
	format string
	magic  []byte
}{
	{"xz", []byte{0xfd, '7', 'z', 'X', 'Z', 0}},
	{"gzip", []byte{0x1f, 0x8b}},
	{"zstd", []byte{0x28, 0xb5, 0x2f, 0xfd}},
	{"bzip2", []byte("BZh")},
}

// decompress detects the format by the first bytes.
func decompress(ctx context.Context, src io.Reader, opts Options) (*stream, error) {
	br := bufio.NewReaderSize(src, 128<<10)
	head, err := br.Peek(64)
	if len(head) == 0 {
		return nil, err
	}
	s := &stream{format: "tar", r: br, left: opts.MaxTotal + int64(opts.MaxMembers)*perMember + maxHeader}
	for _, m := range magics {
		if bytes.HasPrefix(head, m.magic) {
			s.format = m.format
		}
	}
	switch s.format {
	case "xz":
		if err := checkDict(head); err != nil {
			return nil, err
		}
		if opts.Decompressor == DecompressXZ {
			return s, s.pipe(ctx, br, opts.XZPath)
		}
		s.r, err = xz.NewReader(br)
	case "gzip":
		s.r, err = gzip.NewReader(br)
	case "bzip2":
		s.r = bzip2.NewReader(br)
	case "zstd":
		var dec *zstd.Decoder
		dec, err = zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxDict/2))
		if err == nil {
			s.r = dec
			s.close = func() error { dec.Close(); return nil }
		}
	default:
		if len(head) < 64 {
			return nil, io.ErrUnexpectedEOF
		}
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// checkDict reads the dictionary size of the first block: stream header of 12
// bytes, then block header size, flags, optional sizes, and the filter LZMA2
// with one byte of properties (xz file format 1.2.1, sections 3.1 and 5.3.1).
// If the first filter is another one, the decompressor decides.
func checkDict(head []byte) error {
	b := head[min(12, len(head)):]
	if len(b) < 2 || b[0] == 0 { // truncated, or no block at all
		return nil
	}
	flags := b[1]
	b = b[2:]
	for _, present := range []byte{0x40, 0x80} {
		for flags&present != 0 && len(b) > 0 {
			more := b[0]&0x80 != 0
			b = b[1:]
			if !more {
				break
			}
		}
	}
	if len(b) < 3 || b[0] != 0x21 || b[1] != 1 {
		return nil
	}
	size, err := lzma.DecodeDictCap(b[2])
	if err != nil {
		return fmt.Errorf("archive: %w: %w", ErrFormat, err)
	}
	if size > maxDict {
		return fmt.Errorf("archive: %w: xz dictionary of %d bytes", ErrTooLarge, size)
	}
	return nil
}
