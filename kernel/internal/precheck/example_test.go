package precheck_test

import (
	"fmt"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
)

func ExampleJailSet() {
	fmt.Println(precheck.JailSet(kernel.JailCreate, []kernel.Param{kernel.String("name", "web")}))
	// Output: jail_set web: path: a new jail needs a path; without one its root is the host's: invalid argument
}
