package catch_test

import (
	"fmt"

	"github.com/libioc/go-libioc/internal/catch"
)

func ExamplePanic() {
	fmt.Println(catch.Panic(func() error { panic("of the program's own kernel") }))
	// Output: panic: of the program's own kernel
}
