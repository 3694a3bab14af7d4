package simzfs

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/internal/cmdline"
	"github.com/libioc/go-libioc/zfsstore/internal/zfsname"
)

// streamMagic begins a stream of Send, which no zfs-receive(8) reads.
const streamMagic = "go-libioc zfsstore stream 1\n"

// streamHeader comes before the files of each snapshot of a stream.
type streamHeader struct {
	Dataset    string // below the dataset that was sent; "" for that itself
	Type       zfsstore.Type
	Name       string // of the snapshot
	GUID       uint64
	From       uint64 // guid of the snapshot that must exist; 0: a whole dataset
	Creation   int64
	VolSize    uint64            `json:",omitempty"`
	Properties map[string]string `json:",omitempty"`
}

// part is one snapshot to be sent.
type part struct {
	header streamHeader
	snap   *snapshot
	dir    string
}

// Send implements Store. The stream can be received by another Store of this package only. An
// incremental one carries the files whole.
func (z *Store) Send(ctx context.Context, name string, opts zfsstore.SendOptions) (io.ReadCloser, error) {
	var parts []part
	err := z.do(ctx, name, cmdline.Send(opts).Args(name), func(c *change) error {
		if !strings.Contains(name, "@") {
			return c.missingSnapshotName()
		}
		_, s, err := c.open(name)
		if err != nil {
			return err
		}
		var from *snapshot
		if opts.From != "" {
			fromName := opts.From
			if strings.HasPrefix(fromName, "@") {
				fromName = s.of.Name + fromName
			}
			if _, from, err = c.open(fromName); err != nil {
				return err
			}
			if from == nil || from.TXG >= s.TXG {
				return c.refuse(1, "cannot send '%s': not an earlier snapshot from the same fs", name)
			}
		}
		parts = z.parts(s, from, opts)
		for _, p := range parts {
			p.snap.sending++
		}
		return nil
	})
	if err != nil {
		z.sent(parts) // counted already if the fault struck afterwards
		return nil, err
	}
	r, w := io.Pipe()
	stream := &sendStream{PipeReader: r, done: make(chan struct{})}
	ended := context.AfterFunc(ctx, func() { w.CloseWithError(ctx.Err()) })
	go func() {
		defer close(stream.done)
		err := sendParts(ctx, w, parts)
		ended()
		z.sent(parts)
		w.CloseWithError(err)
	}()
	return stream, nil
}

// sendStream has ended, and its snapshots can be destroyed, when Close returns.
type sendStream struct {
	*io.PipeReader
	done chan struct{}
}

func (s *sendStream) Close() error {
	err := s.PipeReader.Close()
	<-s.done
	return err
}

// sent releases the snapshots of a stream. They are found by id, because the state
// may have been loaded again.
func (z *Store) sent(parts []part) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, p := range parts {
		if s := z.state.snapshots[p.snap.ID]; s != nil {
			s.sending--
		}
	}
}

// parts lists what a stream of s holds, in order.
func (z *Store) parts(s, from *snapshot, opts zfsstore.SendOptions) []part {
	var parts []part
	one := func(d *dataset, snap *snapshot, base uint64) {
		h := streamHeader{
			Dataset: strings.TrimPrefix(d.Name[len(s.of.Name):], "/"), Type: d.Type, Name: snap.Name, GUID: snap.GUID,
			From: base, Creation: snap.Creation, VolSize: d.VolSize,
		}
		if opts.Properties || opts.Recursive {
			h.Properties = maps.Clone(d.Local)
		}
		parts = append(parts, part{header: h, snap: snap, dir: z.snapshotDir(snap)})
	}
	if !opts.Recursive {
		one(s.of, s, guidOf(from))
		return parts
	}
	for _, d := range s.of.subtree() {
		last := d.snapshotNamed(s.Name)
		if last == nil {
			continue
		}
		var base *snapshot
		if from != nil {
			base = d.snapshotNamed(from.Name)
		}
		for _, snap := range d.snapshots {
			if snap.TXG > last.TXG || base != nil && snap.TXG <= base.TXG {
				continue
			}
			if from != nil && snap != last {
				continue // -i skips those between
			}
			one(d, snap, guidOf(base))
			base = snap
		}
	}
	return parts
}

func guidOf(s *snapshot) uint64 {
	if s == nil {
		return 0
	}
	return s.GUID
}

func sendParts(ctx context.Context, w io.Writer, parts []part) error {
	out := bufio.NewWriterSize(w, 1<<16)
	if _, err := out.WriteString(streamMagic); err != nil {
		return err
	}
	for _, p := range parts {
		frames := &frameWriter{w: out}
		header, err := json.Marshal(p.header)
		if err != nil {
			return err
		}
		if err := frames.frame(frameHeader, header); err != nil {
			return err
		}
		if p.header.Type == zfsstore.Filesystem {
			if err := packTree(ctx, frames, p.dir); err != nil {
				return err
			}
		}
		if err := frames.frame(frameEnd, nil); err != nil {
			return err
		}
	}
	if err := (&frameWriter{w: out}).frame(frameLast, nil); err != nil {
		return err
	}
	return out.Flush()
}

// Receive implements Store. The stream is read to its end into a directory of
// its own before anything is changed.
func (z *Store) Receive(ctx context.Context, target string, r io.Reader, opts zfsstore.ReceiveOptions) error {
	box := &inbox{ctx: ctx, r: bufio.NewReaderSize(readerWithContext{ctx, r}, 1<<16)}
	broken := z.unpack(target, box)
	defer z.discard(box)
	return z.do(ctx, target, cmdline.Receive(opts).Args(target), func(c *change) error {
		first := streamHeader{}
		if len(box.parts) > 0 {
			first = box.parts[0].header
		}
		kind := "new filesystem"
		if first.From != 0 {
			kind = "incremental"
		}
		switch {
		case errors.Is(broken, errJunk):
			return c.refuse(1, "cannot receive: failed to read from stream")
		case errors.Is(broken, io.ErrUnexpectedEOF):
			return c.refuse(1, "cannot receive %s stream: incomplete stream", kind)
		case errors.Is(broken, errDamaged):
			return c.refuse(1, "cannot receive %s stream: checksum mismatch", kind)
		case broken != nil:
			return broken
		}
		for _, p := range box.parts {
			if err := c.receivePart(target, p, opts); err != nil {
				return err
			}
		}
		return nil
	})
}

// unpack reads a stream into the pool's private directory.
func (z *Store) unpack(target string, box *inbox) error {
	z.mu.Lock()
	k := z.disks[zfsname.Pool(target)]
	z.mu.Unlock()
	if k == nil {
		return nil // refused by name later
	}
	if err := box.open(k); err != nil {
		return err
	}
	z.mu.Lock()
	k.receiving[filepath.Base(box.dir)] = true
	z.mu.Unlock()
	return box.read()
}

func (z *Store) discard(box *inbox) {
	if box.disk == nil {
		return
	}
	_ = removeTree(box.dir)
	z.mu.Lock()
	defer z.mu.Unlock()
	delete(box.disk.receiving, filepath.Base(box.dir))
}

// receivePart makes one snapshot, and its dataset if the stream has all of it.
func (c *change) receivePart(target string, p received, opts zfsstore.ReceiveOptions) error {
	z := c.z
	name, _ := zfsname.Split(target)
	if p.header.Dataset != "" {
		name += "/" + p.header.Dataset
	}
	d := z.state.datasets[name]
	if p.header.From == 0 {
		if d == nil || !opts.Force {
			return c.receiveWhole(name, d, p, opts)
		}
		if len(d.snapshots) > 0 {
			return c.refuse(1, "cannot receive new filesystem stream: destination has snapshots (eg. %s)\n"+
				"must destroy them to overwrite it", d.snapshots[0].name())
		}
		return c.receiveInto(d, p, opts)
	}
	if d == nil {
		return c.refuse(1, "cannot receive incremental stream: destination '%s' does not exist", name)
	}
	base := slices.IndexFunc(d.snapshots, func(s *snapshot) bool { return s.GUID == p.header.From })
	if base < 0 || base != len(d.snapshots)-1 && !opts.Force {
		return c.refuse(1, "cannot receive incremental stream: most recent snapshot of %s does not\nmatch incremental source", name)
	}
	if !opts.Force && d.Type == zfsstore.Filesystem && d.MountedAt != "" && !c.copier().same(z.place(d), z.snapshotDir(d.snapshots[base]), true) {
		return c.refuse(1, "cannot receive incremental stream: destination %s has been modified\nsince most recent snapshot", name)
	}
	v := newVictims(c, false, false)
	for _, s := range slices.Clone(d.snapshots[base+1:]) {
		v.visitSnapshot(s)
	}
	if err := v.destroy(); err != nil {
		return err
	}
	return c.receiveInto(d, p, opts)
}

func (c *change) receiveWhole(name string, d *dataset, p received, opts zfsstore.ReceiveOptions) error {
	z := c.z
	if d != nil {
		return c.refuse(1, "cannot receive new filesystem stream: destination '%s' exists\nmust specify -F to overwrite it", name)
	}
	switch parent := z.state.datasets[zfsname.Parent(name)]; {
	case zfsname.Words(name, false) != "":
		return c.refuse(1, "cannot receive: %s", zfsname.Words(name, false))
	case z.state.datasets[zfsname.Pool(name)] == nil:
		return c.refuse(1, "cannot open '%s': dataset does not exist", zfsname.Pool(name))
	case parent == nil:
		return c.refuse(1, "cannot receive new filesystem stream: destination '%s' does not exist", zfsname.Parent(name))
	case parent.Type != zfsstore.Filesystem:
		return c.refuse(1, "cannot receive new filesystem stream: parent is not a filesystem")
	}
	normal, words := z.checkProperties(p.header.Type, opts.Properties, true)
	if words != "" {
		return c.refuse(1, "cannot receive: %s", words)
	}
	d = c.newDataset(name, p.header.Type)
	d.VolSize, d.Received = p.header.VolSize, p.header.Properties
	if p.header.Dataset == "" {
		d.Local = normal
	}
	if d.Type == zfsstore.Filesystem {
		if err := c.makeFiles(d); err != nil {
			return err
		}
	}
	if err := c.receiveInto(d, p, opts); err != nil {
		return err
	}
	if opts.NoMount {
		return nil
	}
	return c.mountNew(d)
}

// receiveInto replaces a dataset's files by received ones and takes the snapshot.
func (c *change) receiveInto(d *dataset, p received, opts zfsstore.ReceiveOptions) error {
	z := c.z
	if err := c.replaceFiles(d, p.dir); err != nil {
		return err
	}
	_, snap := zfsname.Split(c.target)
	if snap == "" || p.header.Dataset != "" {
		snap = p.header.Name
	}
	if d.snapshotNamed(snap) != nil {
		return c.refuse(1, "cannot restore to %s@%s: destination already exists", d.Name, snap)
	}
	z.state.lastTXG++
	s, err := c.newSnapshot(d, snap, z.state.lastTXG)
	if err != nil {
		return err
	}
	s.GUID, s.Creation = p.header.GUID, p.header.Creation
	return nil
}
