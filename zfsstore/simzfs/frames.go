package simzfs

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/libioc/go-libioc/zfsstore"
)

// A stream is streamMagic and frames: kind (1 byte), length (4 bytes, big
// endian), CRC-32 of the content (4 bytes), content. Each snapshot is a header,
// data frames that together are a tar archive, and an end.
const (
	frameHeader = 'H'
	frameData   = 'D'
	frameEnd    = 'E'
	frameLast   = 'L'

	maxFrame = 1 << 20
)

var (
	errJunk    = errors.New("not a stream")
	errDamaged = errors.New("damaged stream")
)

type frameWriter struct{ w io.Writer }

func (f *frameWriter) frame(kind byte, content []byte) error {
	head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(content)))
	head = binary.BigEndian.AppendUint32(head, crc32.ChecksumIEEE(content))
	if _, err := f.w.Write(head); err != nil {
		return err
	}
	_, err := f.w.Write(content)
	return err
}

// Write writes data frames.
func (f *frameWriter) Write(p []byte) (int, error) {
	for done := 0; done < len(p); {
		n := min(len(p)-done, maxFrame)
		if err := f.frame(frameData, p[done:done+n]); err != nil {
			return done, err
		}
		done += n
	}
	return len(p), nil
}

// readFrame reads one frame. The end of the input within a stream is
// io.ErrUnexpectedEOF.
func readFrame(r io.Reader) (kind byte, content []byte, err error) {
	var head [9]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, unexpected(err)
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size > maxFrame {
		return 0, nil, errDamaged
	}
	content = make([]byte, size)
	if _, err := io.ReadFull(r, content); err != nil {
		return 0, nil, unexpected(err)
	}
	if crc32.ChecksumIEEE(content) != binary.BigEndian.Uint32(head[5:]) {
		return 0, nil, errDamaged
	}
	return head[0], content, nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readerWithContext ends reading when its context does.
type readerWithContext struct {
	ctx context.Context
	r   io.Reader
}

func (r readerWithContext) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// inbox is a stream being read into directories.
type inbox struct {
	ctx   context.Context
	r     *bufio.Reader
	disk  *disk
	dir   string
	parts []received
}

type received struct {
	header streamHeader
	dir    string
}

// open creates the directory for the files.
func (b *inbox) open(k *disk) (err error) {
	b.disk = k
	b.dir, err = os.MkdirTemp(filepath.Join(k.private, "tmp"), "receive-")
	return err
}

// read reads the whole stream.
func (b *inbox) read() error {
	magic := make([]byte, len(streamMagic))
	n, err := io.ReadFull(b.r, magic)
	if ctxErr := b.ctx.Err(); ctxErr != nil {
		return ctxErr
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if !bytes.Equal(magic[:n], []byte(streamMagic)) {
		return errJunk
	}
	for {
		kind, content, err := readFrame(b.r)
		switch {
		case err != nil:
			return err
		case kind == frameLast:
			return nil
		case kind != frameHeader:
			return errDamaged
		}
		p := received{dir: filepath.Join(b.dir, "files", strings.Repeat("n", len(b.parts)+1))}
		if err := json.Unmarshal(content, &p.header); err != nil {
			return errDamaged
		}
		// The part is kept before its files are read: the words for an
		// incomplete stream depend on it.
		b.parts = append(b.parts, p)
		if err := b.readFiles(p); err != nil {
			return err
		}
	}
}

func (b *inbox) readFiles(p received) error {
	data := &dataReader{r: b.r}
	if p.header.Type == zfsstore.Filesystem {
		if err := os.MkdirAll(filepath.Dir(p.dir), 0o755); err != nil {
			return err
		}
		if err := unpackTree(data, p.dir); err != nil {
			return err
		}
	}
	_, err := io.Copy(io.Discard, data)
	return err
}

// dataReader reads the content of data frames up to the end frame.
type dataReader struct {
	r    io.Reader
	rest []byte
	end  bool
}

func (d *dataReader) Read(p []byte) (int, error) {
	for len(d.rest) == 0 {
		if d.end {
			return 0, io.EOF
		}
		kind, content, err := readFrame(d.r)
		if err != nil {
			return 0, err
		}
		switch kind {
		case frameData:
			d.rest = content
		case frameEnd:
			d.end = true
		default:
			return 0, errDamaged
		}
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// packTree writes a directory as a tar archive.
func packTree(ctx context.Context, w io.Writer, root string) error {
	buffered := bufio.NewWriterSize(w, maxFrame)
	out := tar.NewWriter(buffered)
	linked := make(map[fileID]string)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return packFile(out, linked, path, filepath.ToSlash(name), info)
	})
	if err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return buffered.Flush()
}

func packFile(out *tar.Writer, linked map[fileID]string, path, name string, info fs.FileInfo) error {
	link := ""
	switch info.Mode().Type() {
	case 0, fs.ModeDir, fs.ModeNamedPipe:
	case fs.ModeSymlink:
		var err error
		if link, err = os.Readlink(path); err != nil {
			return err
		}
	default:
		return nil // as in snapshots
	}
	header, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	header.Name, header.Format = name, tar.FormatPAX
	if id, shared := linkID(info); shared && info.Mode().IsRegular() {
		if first, ok := linked[id]; ok {
			header.Typeflag, header.Linkname, header.Size = tar.TypeLink, first, 0
			return out.WriteHeader(header)
		}
		linked[id] = name
	}
	if err := out.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
		return err
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(out, in)
	return err
}
