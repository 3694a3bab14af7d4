package tail_test

import (
	"fmt"

	"github.com/libioc/go-libioc/internal/tail"
)

func ExampleLast() {
	b := tail.Last(8)
	for i := range 5 {
		fmt.Fprintf(b, "line %d\n", i)
	}
	fmt.Printf("%q, %d bytes dropped\n", b.String(), b.Dropped())
	// Output: "\nline 4\n", 27 bytes dropped
}
