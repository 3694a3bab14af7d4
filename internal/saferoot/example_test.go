package saferoot_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/libioc/go-libioc/internal/saferoot"
)

// A jail's root user has replaced /etc by a link to the host's.
func Example() {
	dir, err := os.MkdirTemp("", "saferoot")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Symlink("/etc", filepath.Join(dir, "etc")); err != nil {
		panic(err)
	}

	root, err := saferoot.Open(dir)
	if err != nil {
		panic(err)
	}
	defer root.Close() // before a process attaches to the jail
	err = root.WriteFile("etc/resolv.conf", []byte("nameserver 192.0.2.1\n"), 0o644)
	fmt.Println(err)
	fmt.Println(errors.Is(err, saferoot.ErrEscape))

	created, err := root.MkdirAll("var/db", 0o755)
	fmt.Println(created, err)
	fmt.Println(root.RemoveEmptyDirs(created))
	// Output:
	// saferoot: "etc/resolv.conf" refused at "etc": symbolic link
	// true
	// [var var/db] <nil>
	// <nil>
}
