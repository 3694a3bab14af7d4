package zfsstore_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/simzfs"
)

// simulated is a simulated ZFS with one pool below a directory of its own.
func simulated() (store *simzfs.Store, dir string, remove func()) {
	dir, err := os.MkdirTemp("", "zfsstore")
	if err != nil {
		log.Fatal(err)
	}
	store, err = simzfs.New(simzfs.Options{
		Pools: []simzfs.Pool{{Name: "zroot", Altroot: dir}},
	})
	if err != nil {
		log.Fatal(err)
	}
	return store, dir, func() { os.RemoveAll(dir) }
}

// A release is snapshotted, and a jail made of it: a clone, with the release's
// files in a real directory.
func Example() {
	ctx := context.Background()
	store, dir, remove := simulated()
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
	store, _, remove := simulated()
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
	store, _, remove := simulated()
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
