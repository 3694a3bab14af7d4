package simzfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/libioc/go-libioc/zfsstore"
)

// disked is a Store whose records outlive it, like those of a log file.
type disked struct {
	t   *testing.T
	dir string
	log []Record
}

func (d *disked) open() *Store {
	d.t.Helper()
	z, err := New(Options{
		Pools:  []Pool{{Name: "p", Altroot: d.dir}},
		Load:   slices.Clone(d.log),
		Commit: func(batch []Record) error { d.log = append(d.log, batch...); return nil },
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return z
}

// killed is the panic that stands for kill -9.
type killed struct{ step string }

// dieAt runs op and ends it at step n. It reports whether there were so many.
func dieAt(z *Store, n int, op func() error) (at string, died bool) {
	z.stop = func(step string) {
		if n--; n == 0 {
			panic(killed{step})
		}
	}
	defer func() {
		if k, ok := recover().(killed); ok {
			at, died = k.step, true
		}
	}()
	if err := op(); err != nil {
		panic(err)
	}
	return "", false
}

var bg = context.Background()

// base makes what the operations work on.
func (d *disked) base() *Store {
	z := d.open()
	must := func(err error) {
		d.t.Helper()
		if err != nil {
			d.t.Fatal(err)
		}
	}
	must(z.Create(bg, "p/a/b", zfsstore.CreateOptions{Parents: true}))
	must(z.Create(bg, "p/out", zfsstore.CreateOptions{Properties: map[string]string{"mountpoint": "/p/a/deep/out"}}))
	must(os.WriteFile(filepath.Join(d.dir, "p/a/f"), []byte("old a"), 0o644))
	must(os.WriteFile(filepath.Join(d.dir, "p/a/b/f"), []byte("old b"), 0o644))
	must(os.WriteFile(filepath.Join(d.dir, "p/a/deep/out/f"), []byte("old out"), 0o644))
	must(z.Snapshot(bg, "p/a@1", zfsstore.SnapshotOptions{Recursive: true}))
	must(os.WriteFile(filepath.Join(d.dir, "p/a/f"), []byte("a"), 0o644))
	must(os.WriteFile(filepath.Join(d.dir, "p/a/b/f"), []byte("b"), 0o644))
	must(z.Snapshot(bg, "p/a@2", zfsstore.SnapshotOptions{}))
	must(z.Clone(bg, "p/a@1", "p/c", zfsstore.CloneOptions{}))
	must(z.Clone(bg, "p/a@1", "p/lazy", zfsstore.CloneOptions{Properties: map[string]string{"canmount": "noauto"}}))
	return z
}

// describe returns all that exists: datasets, mounts, and the files of each.
func (d *disked) describe(z *Store) string {
	var out strings.Builder
	all, err := z.List(bg, "", zfsstore.ListOptions{Types: []zfsstore.Type{zfsstore.Filesystem, zfsstore.Snapshot}, Properties: []string{"org:x", "mountpoint", "userrefs"}})
	if err != nil {
		d.t.Fatal(err)
	}
	for _, ds := range all {
		fmt.Fprintln(&out, ds.Name, ds.Origin, ds.Clones, ds.Mounted, ds.Properties)
	}
	filepath.WalkDir(d.dir, func(path string, entry os.DirEntry, err error) error {
		name := strings.TrimPrefix(path, d.dir)
		if name == "/.zfsstore" {
			return filepath.SkipDir
		}
		text := ""
		if !entry.IsDir() {
			content, _ := os.ReadFile(path)
			text = string(content)
		}
		fmt.Fprintf(&out, "%s %q\n", name, text)
		return nil
	})
	for _, ds := range z.state.byID {
		if ds.MountedAt == "" && !ds.Pristine {
			content, err := os.ReadFile(filepath.Join(z.place(ds), "f"))
			fmt.Fprintf(&out, "unmounted %s %q %v\n", ds.Name, content, err == nil)
		}
	}
	return strings.ReplaceAll(out.String(), d.dir, "")
}

// leftovers are private directories that no dataset accounts for.
func (d *disked) leftovers(z *Store) []string {
	var found []string
	k := z.disks["p"]
	for _, kind := range []string{"fs", "mnt"} {
		ids, err := k.ids(kind)
		if err != nil {
			d.t.Fatal(err)
		}
		for _, id := range ids {
			ds := z.state.byID[id]
			if ds == nil || (ds.MountedAt != "") != (kind == "mnt") {
				found = append(found, fmt.Sprintf("%s/%d", kind, id))
			}
		}
	}
	temp, err := os.ReadDir(filepath.Join(k.private, "tmp"))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, entry := range temp {
		found = append(found, "tmp/"+entry.Name())
	}
	return found
}

// killOperations are run and killed at each of their steps. half says that a
// kill may leave the files of one dataset as they would be afterwards.
var killOperations = []struct {
	name string
	run  func(z *Store) error
	half bool
}{
	{"create", func(z *Store) error { return z.Create(bg, "p/a/n/m", zfsstore.CreateOptions{Parents: true}) }, false},
	{"snapshot", func(z *Store) error { return z.Snapshot(bg, "p/a@9", zfsstore.SnapshotOptions{Recursive: true}) }, false},
	{"clone", func(z *Store) error { return z.Clone(bg, "p/a@2", "p/d", zfsstore.CloneOptions{}) }, false},
	{"mount lazy clone", func(z *Store) error { return z.Mount(bg, "p/lazy") }, false},
	{"promote", func(z *Store) error { return z.Promote(bg, "p/c") }, false},
	{"promote lazy clone", func(z *Store) error { return z.Promote(bg, "p/lazy") }, false},
	{"rename", func(z *Store) error {
		if err := z.Unmount(bg, "p/out", false); err != nil {
			return err
		}
		return z.Rename(bg, "p/a", "p/z/y", zfsstore.RenameOptions{Parents: true})
	}, true},
	{"rename snapshot", func(z *Store) error { return z.Rename(bg, "p/a@1", "p/a@x", zfsstore.RenameOptions{Recursive: true}) }, false},
	{"destroy", func(z *Store) error { return z.Destroy(bg, "p/out", zfsstore.DestroyOptions{}) }, false},
	{"destroy all", func(z *Store) error {
		if err := z.Unmount(bg, "p/out", false); err != nil {
			return err
		}
		return z.Destroy(bg, "p/a", zfsstore.DestroyOptions{Dependents: true})
	}, true},
	{"destroy snapshot", func(z *Store) error { return z.Destroy(bg, "p/a@2", zfsstore.DestroyOptions{}) }, false},
	{"unmount", func(z *Store) error { return z.Unmount(bg, "p/a/b", false) }, false},
	{"set mountpoint", func(z *Store) error { return z.Set(bg, "p/a/b", map[string]string{"mountpoint": "/elsewhere/b"}) }, false},
	{"mount over", func(z *Store) error { return z.Set(bg, "p/c", map[string]string{"mountpoint": "/p/a"}) }, false},
	{"hold", func(z *Store) error { return z.Hold(bg, "p/a@1", "t", true) }, false},
	{"rollback", func(z *Store) error { return z.Rollback(bg, "p/a@2", zfsstore.RollbackOptions{}) }, true},
	{"send and receive", func(z *Store) error {
		r, err := z.Send(bg, "p/a@1", zfsstore.SendOptions{Recursive: true})
		if err != nil {
			return err
		}
		stream, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			return err
		}
		return z.Receive(bg, "p/r", bytes.NewReader(stream), zfsstore.ReceiveOptions{})
	}, false},
}

// emptied are old mountpoints, which are removed last and may be left, empty.
var emptied = map[string]string{"set mountpoint": "/p/a/b \"\"\n", "mount over": "/p/c \"\"\n"}

// TestKilled ends the process at every step of every operation. What is
// found then is all of before or all of after, and nothing is left over.
func TestKilled(t *testing.T) {
	for _, op := range killOperations {
		t.Run(op.name, func(t *testing.T) {
			whole := &disked{t: t, dir: t.TempDir()}
			z := whole.base()
			before := whole.describe(z)
			if err := op.run(z); err != nil {
				t.Fatal(err)
			}
			after := whole.describe(z)
			if before == after && op.name != "rollback" {
				t.Fatal("the operation does nothing")
			}
			if left := whole.leftovers(z); len(left) > 0 {
				t.Errorf("unkilled, it left %v", left)
			}
			steps, stride := 0, 1
			if testing.Short() {
				stride = 4
			}
			for n := 1; ; n += stride {
				d := &disked{t: t, dir: t.TempDir()}
				z := d.base()
				at, died := dieAt(z, n, func() error { return op.run(z) })
				if !died {
					break
				}
				steps++
				again := d.open()
				got := d.describe(again)
				done := emptied[op.name] != "" && strings.Replace(got, emptied[op.name], "", 1) == after
				if got != before && got != after && !done && !op.half {
					t.Errorf("killed at step %d (%s):\n%s\nor to after:\n%s", n, at, changes(before, got), changes(after, got))
				}
				d.wantSound(again)
				if left := d.leftovers(again); len(left) > 0 {
					t.Errorf("killed at step %d (%s), left %v", n, at, left)
				}
				// Repairing once is enough.
				if third := d.describe(d.open()); third != got {
					t.Errorf("killed at step %d (%s): opened once more it is\n%s\nwas\n%s", n, at, third, got)
				}
			}
			if steps < 1 {
				t.Error("no step to be killed at")
			}
		})
	}
}

// changes lists the lines that only one of two texts has.
func changes(from, to string) string {
	var out strings.Builder
	for _, side := range []struct{ sign, has, lacks string }{{"-", from, to}, {"+", to, from}} {
		for line := range strings.Lines(side.has) {
			if !strings.Contains(side.lacks, line) {
				out.WriteString(side.sign + line)
			}
		}
	}
	return out.String()
}

// wantSound checks that every mounted dataset and snapshot has its own files.
func (d *disked) wantSound(z *Store) {
	d.t.Helper()
	for _, ds := range z.state.byID {
		switch {
		case ds.Pristine || ds.Name == "p" || strings.HasPrefix(ds.Name, "p/z") && ds.parent.Name == "p" || ds.Name == "p/a/n" || ds.Name == "p/a/n/m":
			continue
		}
		content, err := os.ReadFile(filepath.Join(z.place(ds), "f"))
		want := map[bool]string{true: "b", false: "a"}[strings.HasSuffix(ds.Name, "/b")]
		if ds.Name == "p/out" {
			want = "out"
		}
		if err != nil || strings.TrimPrefix(string(content), "old ") != want {
			d.t.Errorf("%s has %q, %v", ds.Name, content, err)
		}
		for _, s := range ds.snapshots {
			if content, err := os.ReadFile(filepath.Join(z.snapshotDir(s), "f")); err != nil || strings.TrimPrefix(string(content), "old ") != want {
				d.t.Errorf("%s has %q, %v", s.name(), content, err)
			}
		}
	}
}
