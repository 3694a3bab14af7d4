package tooltext_test

import (
	"fmt"

	"github.com/libioc/go-libioc/kernel/internal/tooltext"
)

func ExampleParseIfconfig() {
	list := tooltext.ParseIfconfig("lo0: flags=8049<UP,LOOPBACK> metric 0 mtu 16384\n\tinet 127.0.0.1/8\n")
	fmt.Println(list[0].Name, list[0].Up, list[0].MTU, list[0].Addrs)
	// Output: lo0 true 16384 [127.0.0.1/8]
}
