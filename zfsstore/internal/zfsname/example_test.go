package zfsname_test

import (
	"fmt"

	"github.com/libioc/go-libioc/zfsstore/internal/zfsname"
)

func Example() {
	fmt.Println(zfsname.Split("tank/a@monday"))
	fmt.Println(zfsname.Parent("tank/a/b"), zfsname.Pool("tank/a/b"))
	fmt.Println(zfsname.Words("tank/a%b", false))
	// Output:
	// tank/a monday
	// tank/a tank
	// invalid character % in name
}
