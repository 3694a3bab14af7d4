package ucl_test

import (
	"fmt"

	"github.com/libioc/go-libioc/internal/ucl"
)

func ExampleDocument_Apply() {
	d, err := ucl.Parse([]byte("# note\nboot = on; # at start\nmemoryuse = 8G\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := d.Apply([]ucl.Edit{{Path: "boot", Source: ucl.Quote("off")}, {Path: "memoryuse", Remove: true}})
	fmt.Print(string(out), err, "\n")
	// Output:
	// # note
	// boot = "off"; # at start
	// <nil>
}
