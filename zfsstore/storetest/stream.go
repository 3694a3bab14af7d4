package storetest

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"

	"github.com/libioc/go-libioc/zfsstore"
)

func (t *tester) send(name string, opts zfsstore.SendOptions) []byte {
	t.Helper()
	r, err := t.Store.Send(t.ctx, t.in(name), opts)
	t.ok(err)
	stream, err := io.ReadAll(r)
	t.ok(err)
	t.ok(r.Close())
	return stream
}

func (t *tester) receive(name string, stream []byte, opts zfsstore.ReceiveOptions) error {
	return t.Store.Receive(t.ctx, t.in(name), bytes.NewReader(stream), opts)
}

func testSend(t *tester) {
	t.create("a")
	t.set("a", "org.test:tag", "x")
	t.write(t.path("a", "file"), "content")
	t.ok(os.Mkdir(t.path("a", "dir"), 0o750))
	t.ok(os.Symlink("/absolute", t.path("a", "dir", "link")))
	t.ok(os.Link(t.path("a", "file"), t.path("a", "hard")))
	t.snapshot("a@1")
	t.write(t.path("a", "file"), "later")

	t.ok(t.receive("r", t.send("a@1", zfsstore.SendOptions{}), zfsstore.ReceiveOptions{}))
	t.wantNames([]string{"a", "a@1", "r", "r@1"}, all...)
	if t.get("r@1").GUID != t.get("a@1").GUID || t.get("r").GUID == t.get("a").GUID {
		t.Error("a received snapshot keeps its guid, a received file system does not")
	}
	t.wantFile(t.path("r", "file"), "content")
	t.wantFile(t.path("r", ".zfs", "snapshot", "1", "hard"), "content")
	if target, err := os.Readlink(t.path("r", "dir", "link")); err != nil || target != "/absolute" {
		t.Errorf("link to %q, %v", target, err)
	}
	if d := t.get("r", "org.test:tag"); len(d.Properties) > 0 {
		t.Errorf("properties came along unasked: %v", d.Properties)
	}
	t.ok(t.receive("p", t.send("a@1", zfsstore.SendOptions{Properties: true}), zfsstore.ReceiveOptions{NoMount: true}))
	t.wantProperty("p", "org.test:tag", "x", zfsstore.SourceReceived)
	if t.get("p").Mounted {
		t.Error("NoMount: mounted")
	}
	t.ok(t.receive("o", t.send("a@1", zfsstore.SendOptions{}), zfsstore.ReceiveOptions{
		Properties: map[string]string{"org.test:tag": "mine"},
	}))
	t.wantProperty("o", "org.test:tag", "mine", zfsstore.SourceLocal)

	// A stream that is not read to its end keeps nothing busy.
	r, err := t.Store.Send(t.ctx, t.in("a@1"), zfsstore.SendOptions{})
	t.ok(err)
	t.ok(r.Close())
	t.ok(t.Store.Destroy(t.ctx, t.in("a"), zfsstore.DestroyOptions{Recursive: true}))

	_, err = t.Store.Send(t.ctx, t.in("r@nosuch"), zfsstore.SendOptions{})
	t.refused(err, zfsstore.ErrNotFound)
	_, err = t.Store.Send(t.ctx, t.in("r"), zfsstore.SendOptions{})
	t.refused(err, zfsstore.ErrInvalidName)
}

func testSendIncremental(t *tester) {
	t.create("a")
	t.write(t.path("a", "file"), "one")
	t.write(t.path("a", "gone"), "")
	t.snapshot("a@1")
	t.write(t.path("a", "file"), "two")
	t.ok(os.Remove(t.path("a", "gone")))
	t.snapshot("a@2")
	full := t.send("a@1", zfsstore.SendOptions{})
	more := t.send("a@2", zfsstore.SendOptions{From: "@1"})
	t.refused(t.receive("r", more, zfsstore.ReceiveOptions{}), zfsstore.ErrNotFound)
	t.ok(t.receive("r", full, zfsstore.ReceiveOptions{}))
	t.refused(t.receive("r", full, zfsstore.ReceiveOptions{}), zfsstore.ErrExists)
	t.write(t.path("r", "file"), "mine")
	t.refused(t.receive("r", more, zfsstore.ReceiveOptions{}), zfsstore.ErrModified)
	t.wantFile(t.path("r", "file"), "mine")
	t.ok(t.receive("r", more, zfsstore.ReceiveOptions{Force: true}))
	t.wantFile(t.path("r", "file"), "two")
	t.wantNoFile(t.path("r", "gone"))
	t.wantFile(t.path("r", ".zfs", "snapshot", "1", "file"), "one")
	t.wantNames([]string{"a", "a@1", "a@2", "r", "r@1", "r@2"}, all...)
}

func testSendRecursive(t *tester) {
	t.create("a", "a/b")
	t.set("a/b", "org.test:tag", "x")
	t.write(t.path("a/b", "inner"), "one")
	t.ok(t.Store.Snapshot(t.ctx, t.in("a@1"), zfsstore.SnapshotOptions{Recursive: true}))
	t.write(t.path("a/b", "inner"), "two")
	t.ok(t.Store.Snapshot(t.ctx, t.in("a@2"), zfsstore.SnapshotOptions{Recursive: true}))
	t.ok(t.receive("r", t.send("a@2", zfsstore.SendOptions{Recursive: true}), zfsstore.ReceiveOptions{}))
	t.wantFile(t.path("r/b", "inner"), "two")
	t.wantFile(t.path("r/b", ".zfs", "snapshot", "1", "inner"), "one")
	t.wantProperty("r/b", "org.test:tag", "x", zfsstore.SourceReceived)
	if t.get("r/b@1").GUID != t.get("a/b@1").GUID {
		t.Error("a received snapshot keeps its guid")
	}
}

func testReceiveRefusals(t *tester) {
	t.create("a")
	random := make([]byte, 100000)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(random) // never fails
	t.write(t.path("a", "file"), string(random))
	t.snapshot("a@1")
	full := t.send("a@1", zfsstore.SendOptions{})
	damaged := bytes.Clone(full)
	damaged[len(damaged)/2] ^= 0xff
	for name, stream := range map[string][]byte{
		"empty": {}, "junk": random[:100], "cut short": full[:20000], "without its end": full[:len(full)-4], "damaged": damaged,
	} {
		err := t.receive("r", stream, zfsstore.ReceiveOptions{})
		t.refused(err, zfsstore.ErrStream)
		if t.exists("r") {
			t.Fatalf("%s stream: the target exists after %v", name, err)
		}
	}
	t.refused(t.receive("no/parent", full, zfsstore.ReceiveOptions{}), zfsstore.ErrNotFound)
	t.wantNames([]string{"a", "a@1"}, all...)
}
