package fstab_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/libioc/go-libioc/fstab"
)

// A jail's file is read, one mount added, and every other byte kept.
func Example() {
	f := fstab.Parse([]byte("# media, read-only\n/data/media   /media  nullfs  ro\n"))
	err := f.Add(fstab.Entry{
		Source:      "/data/my files",
		Destination: "/mnt/files",
		Options:     "rw",
		Comment:     "scratch",
	}, fstab.AddOptions{})
	if err != nil {
		fmt.Println(err)
	}
	err = f.Add(fstab.Entry{Source: "/other", Destination: "/media"}, fstab.AddOptions{})
	fmt.Println(err, errors.Is(err, fstab.ErrDestinationExists))
	os.Stdout.Write(f.Marshal())
	// Output:
	// fstab: "/media": destination exists true
	// # media, read-only
	// /data/media   /media  nullfs  ro
	// /data/my\040files	/mnt/files	nullfs	rw	0	0 # scratch
}

// What is mounted for a jail, in order, and where on the host.
func ExampleFile_MountOrder() {
	f := fstab.Parse([]byte("tmpfs /tmp tmpfs rw,size=64m 0 0\n/data /jails/web/root/data nullfs ro 0 0\n"))
	for _, e := range f.MountOrder() {
		target, err := fstab.Resolve("/jails/web/root", e.Destination)
		fmt.Println(e.Type, target, e.Options.Mount(), err)
	}
	// Output:
	// tmpfs /jails/web/root/tmp [rw size=64m] <nil>
	// nullfs /jails/web/root/data [ro] <nil>
}

func ExampleFile_ReplacePath() {
	f := fstab.Parse([]byte("/jails/a/logs /jails/a/root/logs nullfs rw\n/jails/ab /jails/a/root/ab nullfs ro\n"))
	fmt.Println(f.ReplacePath("/jails/a", "/jails/b"))
	os.Stdout.Write(f.Marshal())
	// Output:
	// 2
	// /jails/b/logs	/jails/b/root/logs	nullfs	rw	0	0
	// /jails/ab	/jails/b/root/ab	nullfs	ro	0	0
}
