package zfsstore_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/libioc/go-libioc/zfsstore"
)

// tempMemory is a Memory with one pool below a directory of its own.
func tempMemory() (m *zfsstore.Memory, dir string, remove func()) {
	dir, err := os.MkdirTemp("", "zfsstore")
	if err != nil {
		log.Fatal(err)
	}
	m, err = zfsstore.NewMemory(zfsstore.MemoryOptions{
		Pools: []zfsstore.MemoryPool{{Name: "zroot", Altroot: dir}},
	})
	if err != nil {
		log.Fatal(err)
	}
	return m, dir, func() { os.RemoveAll(dir) }
}

// A release is snapshotted, and a jail made of it: a clone, with the release's
// files in a real directory.
func Example() {
	ctx := context.Background()
	store, dir, remove := tempMemory()
	defer remove()

	if err := store.Create(ctx, "zroot/releases/13.2", zfsstore.CreateOptions{Parents: true}); err != nil {
		log.Fatal(err)
	}
	motd := filepath.Join(dir, "zroot/releases/13.2/motd")
	if err := os.WriteFile(motd, []byte("FreeBSD 13.2\n"), 0o644); err != nil {
		log.Fatal(err)
	}
	if err := store.Snapshot(ctx, "zroot/releases/13.2@p0", zfsstore.SnapshotOptions{}); err != nil {
		log.Fatal(err)
	}
	if err := store.Clone(ctx, "zroot/releases/13.2@p0", "zroot/jails/web", zfsstore.CloneOptions{Parents: true}); err != nil {
		log.Fatal(err)
	}
	web, err := store.Get(ctx, "zroot/jails/web", zfsstore.GetOptions{})
	if err != nil {
		log.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(web.Mountpoint, "motd"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s of %s: %s", web.Name, web.Origin, text)
	// Output: zroot/jails/web of zroot/releases/13.2@p0: FreeBSD 13.2
}

// An error says which command was refused, and why.
func ExampleError() {
	ctx := context.Background()
	store, _, remove := tempMemory()
	defer remove()

	err := store.Create(ctx, "zroot/no such/jail", zfsstore.CreateOptions{})
	fmt.Println(errors.Is(err, zfsstore.ErrParentNotFound))
	var refused *zfsstore.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Op, refused.ExitCode)
	}
	fmt.Println(err)
	// Output:
	// true
	// create 1
	// zfs create 'zroot/no such/jail': cannot create 'zroot/no such/jail': parent does not exist
}

// A whole subtree with a user property, in one process on a real host.
func ExampleStore_List() {
	ctx := context.Background()
	var store zfsstore.Store
	store, _, remove := tempMemory()
	defer remove()

	for _, name := range []string{"zroot/jails", "zroot/jails/db", "zroot/jails/web"} {
		if err := store.Create(ctx, name, zfsstore.CreateOptions{}); err != nil {
			log.Fatal(err)
		}
	}
	if err := store.Set(ctx, "zroot/jails/web", map[string]string{"org.example:tag": "public"}); err != nil {
		log.Fatal(err)
	}
	found, err := store.List(ctx, "zroot/jails", zfsstore.ListOptions{Properties: []string{"org.example:tag"}})
	if err != nil {
		log.Fatal(err)
	}
	for _, d := range found {
		if tag, ok := d.Properties["org.example:tag"]; ok {
			fmt.Println(d.Name, tag.Value, tag.Source)
			continue
		}
		fmt.Println(d.Name)
	}
	// Output:
	// zroot/jails
	// zroot/jails/db
	// zroot/jails/web public local
}

// A test makes the second snapshot fail.
func ExampleMemory_Fail() {
	ctx := context.Background()
	store, _, remove := tempMemory()
	defer remove()

	store.Fail(zfsstore.Fault{Op: "snapshot", Nth: 2, Err: errors.New("the disk is on fire")})
	fmt.Println(store.Snapshot(ctx, "zroot@1", zfsstore.SnapshotOptions{}))
	fmt.Println(store.Snapshot(ctx, "zroot@2", zfsstore.SnapshotOptions{}))
	fmt.Println(store.Snapshot(ctx, "zroot@3", zfsstore.SnapshotOptions{}))
	// Output:
	// <nil>
	// zfs snapshot zroot@2: the disk is on fire
	// <nil>
}

// What Commit was given is the state, for another process to go on with.
func ExampleNewMemory_persistent() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "zfsstore")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	var kept []zfsstore.Record // a log file, in earnest
	opts := zfsstore.MemoryOptions{
		Pools:  []zfsstore.MemoryPool{{Name: "zroot", Altroot: dir}},
		Commit: func(batch []zfsstore.Record) error { kept = append(kept, batch...); return nil },
	}
	store, err := zfsstore.NewMemory(opts)
	if err != nil {
		log.Fatal(err)
	}
	if err := store.Create(ctx, "zroot/jails", zfsstore.CreateOptions{}); err != nil {
		log.Fatal(err)
	}

	opts.Load = kept
	later, err := zfsstore.NewMemory(opts)
	if err != nil {
		log.Fatal(err)
	}
	for _, mount := range later.Mounts() {
		fmt.Println(mount.Dataset, strings.TrimPrefix(mount.Path, dir))
	}
	// Output:
	// zroot /zroot
	// zroot/jails /zroot/jails
}
