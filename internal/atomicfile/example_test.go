package atomicfile_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/libioc/go-libioc/internal/atomicfile"
)

func ExampleWrite() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "rc.conf")
	fmt.Println(atomicfile.Write(path, []byte("a=1\n"), 0o644))
	data, err := os.ReadFile(path)
	fmt.Printf("%q %v\n", data, err)
	// Output:
	// <nil>
	// "a=1\n" <nil>
}
