package simzfs

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/libioc/go-libioc/zfsstore"
)

// FuzzReceive checks that no stream makes files outside of its dataset.
func FuzzReceive(f *testing.F) {
	z, _ := newFuzzStore(f)
	r, err := z.Send(bg, "p/a@1", zfsstore.SendOptions{})
	if err != nil {
		f.Fatal(err)
	}
	var stream strings.Builder
	_, err = io.Copy(&stream, r)
	if err := errors.Join(err, r.Close()); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(stream.String()))
	f.Add([]byte(streamMagic))
	f.Fuzz(func(t *testing.T, stream []byte) {
		z, dir := newFuzzStore(t)
		z.Receive(bg, "p/r", strings.NewReader(string(stream)), zfsstore.ReceiveOptions{})
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 2 {
			t.Errorf("in the altroot: %v, %v", entries, err)
		}
	})
}

func newFuzzStore(t testing.TB) (*Store, string) {
	dir := t.TempDir()
	z, err := New(Options{Pools: []Pool{{Name: "p", Altroot: dir}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		z.Create(bg, "p/a", zfsstore.CreateOptions{}),
		os.WriteFile(dir+"/p/a/f", []byte("content"), 0o644),
		z.Snapshot(bg, "p/a@1", zfsstore.SnapshotOptions{}),
	); err != nil {
		t.Fatal(err)
	}
	return z, dir
}
