package simzfs_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/simzfs"
)

// A test makes the second snapshot fail.
func ExampleStore_Fail() {
	ctx := context.Background()
	var t failer // in a test, its *testing.T
	dir, err := os.MkdirTemp("", "simzfs")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := simzfs.New(simzfs.Options{Pools: []simzfs.Pool{{Name: "zroot", Altroot: dir}}})
	if err != nil {
		log.Fatal(err)
	}

	store.Fail(t, fault.Fault{Op: simzfs.OpSnapshot, Nth: 2, Err: errors.New("the disk is on fire")})
	fmt.Println(store.Snapshot(ctx, "zroot@1", zfsstore.SnapshotOptions{}))
	fmt.Println(store.Snapshot(ctx, "zroot@2", zfsstore.SnapshotOptions{}))
	fmt.Println(store.Snapshot(ctx, "zroot@3", zfsstore.SnapshotOptions{}))
	// Output:
	// <nil>
	// zfs snapshot zroot@2: the disk is on fire
	// <nil>
}

type failer struct{}

func (failer) Helper()                           {}
func (failer) Fatalf(format string, args ...any) { log.Fatalf(format, args...) }

// The records passed to Commit are the state, from which another process goes on.
func ExampleNew_persistent() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "simzfs")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	var kept []simzfs.Record // in a program, a log file
	opts := simzfs.Options{
		Pools:  []simzfs.Pool{{Name: "zroot", Altroot: dir}},
		Commit: func(batch []simzfs.Record) error { kept = append(kept, batch...); return nil },
	}
	store, err := simzfs.New(opts)
	if err != nil {
		log.Fatal(err)
	}
	if err := store.Create(ctx, "zroot/jails", zfsstore.CreateOptions{}); err != nil {
		log.Fatal(err)
	}

	opts.Load = kept
	later, err := simzfs.New(opts)
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
