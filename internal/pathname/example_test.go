package pathname_test

import (
	"fmt"

	"github.com/libioc/go-libioc/internal/pathname"
)

func ExampleWithin() {
	fmt.Println(pathname.Within("/jails/web/etc", "/jails/web"))
	fmt.Println(pathname.Within("/jails/webmail", "/jails/web"))
	// Output:
	// true
	// false
}
