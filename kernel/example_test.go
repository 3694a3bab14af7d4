package kernel_test

import (
	"fmt"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

// An error of the kernel and the features of the machine together say what an
// administrator can do.
func ExampleFeatures_Remedy() {
	err := &kernel.JailError{
		Op: "jail_set", Name: "web", Param: "vnet",
		Errno: syscall.EINVAL, Msg: "unknown parameter: vnet",
	}
	fmt.Println(err)
	fmt.Println(kernel.Features{VIMAGE: false}.Remedy(err))
	// Output:
	// jail_set web: vnet: unknown parameter: vnet: invalid argument
	// vnet needs a kernel with options VIMAGE, as GENERIC is from FreeBSD 12 on
}
