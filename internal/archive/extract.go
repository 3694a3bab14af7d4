package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// sink writes accepted members.
type sink interface {
	// tree reports what exists at a path, including this archive's earlier members.
	tree() tree
	// raw returns the writer for the archive's own bytes, each member's after it was
	// accepted, or nil if the sink does not need them.
	raw() io.Writer
	// member is called once the header is accepted; data is its content.
	member(m *member, data io.Reader) error
	// finish is called when the whole archive was read and its hash matched.
	finish() error
	// abort stops the extraction; nothing is written after it returns.
	abort()
}

// Extract reads an archive from r and writes its members below the existing
// directory root. It reads r to its end, so that the hash covers all of it.
//
// The error is a *[MemberError] if one member is the cause, a *[ToolError], or wraps
// ErrHashMismatch, ErrTruncated, ErrTooLarge, ErrFormat, the error of r or of ctx.
// What was written before the error stays below root.
//
// Cancelling ctx ends the programs and the extraction at the next block. The caller
// must end a Read of r that blocks.
func Extract(ctx context.Context, r io.Reader, root string, opts Options) (stats Stats, err error) {
	opts, err = opts.withDefaults()
	if err != nil {
		return stats, err
	}
	dir, err := os.OpenRoot(root)
	if err != nil {
		return stats, fmt.Errorf("archive: open root: %w", err)
	}
	defer dir.Close()

	src := newSource(ctx, r, opts)
	stream, err := decompress(ctx, src, opts)
	if err != nil {
		return stats, streamError(ctx, src, err)
	}
	defer stream.Close()
	stats.Format = stream.format

	var out sink
	if opts.Extractor == ExtractGo {
		out = newWriter(ctx, dir)
	} else if out, err = startBsdtar(ctx, opts.BsdtarPath, root, dir); err != nil {
		return stats, err
	}
	finished := false
	defer func() {
		if !finished {
			out.abort()
		}
	}()

	if err := members(stream, out, &stats, opts); err != nil {
		return stats, streamError(ctx, src, err)
	}
	// Bytes after the end of the tar archive are part of the hash, and the
	// decompressor checks its own sums there.
	if _, err := io.Copy(io.Discard, stream); err != nil {
		return stats, streamError(ctx, src, err)
	}
	if err := stream.Close(); err != nil {
		return stats, streamError(ctx, src, err)
	}
	if err := src.verify(); err != nil {
		return stats, streamError(ctx, src, err)
	}
	stats.Received, stats.SHA256 = src.received, src.sum()
	finished = true
	err = out.finish()
	if err != nil && ctx.Err() != nil {
		return stats, fmt.Errorf("archive: %w", context.Cause(ctx))
	}
	return stats, err
}

// members checks and extracts all members of the tar archive.
func members(stream io.Reader, out sink, stats *Stats, opts Options) error {
	g := &gate{r: stream, w: out.raw()}
	tr := tar.NewReader(g)
	c := &checker{opts: opts, tree: out.tree(), stats: stats}
	for {
		pad := g.hold()
		hdr, err := tr.Next()
		if err == io.EOF { //nolint:errorlint // the archive's end; one that is wrapped is a failure
			return g.end(pad)
		}
		// With GODEBUG=tarinsecurepath=0 the header comes with this error;
		// the checker below is stricter.
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return err
		}
		if err := unambiguous(g.held[pad:], hdr); err != nil {
			return err
		}
		m, err := c.accept(hdr)
		if err != nil {
			return err
		}
		if m == nil {
			continue // a global header, without effect
		}
		if err := g.release(); err != nil {
			return err
		}
		if err := out.member(m, tr); err != nil {
			return err
		}
	}
}

// streamError returns the cause of a failed read: the caller's context, the caller's
// reader, or the archive itself.
func streamError(ctx context.Context, src *source, err error) error {
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("archive: %w", context.Cause(ctx))
	}
	if cause := src.failure(); cause != nil {
		return fmt.Errorf("archive: read: %w", cause)
	}
	switch {
	case errors.As(err, new(*MemberError)), isOurs(err):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("archive: %w: %w", ErrTruncated, err)
	case errors.As(err, new(*ToolError)):
		return err
	}
	return fmt.Errorf("archive: %w: %w", ErrFormat, err)
}

func isOurs(err error) bool {
	ours := []error{ErrTooLarge, ErrTruncated, ErrHashMismatch, ErrFormat}
	return slices.ContainsFunc(ours, func(s error) bool { return errors.Is(err, s) })
}
