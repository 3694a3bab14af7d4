package network_test

import (
	"fmt"

	"github.com/libioc/go-libioc/internal/network"
)

// The addresses of the epair of a jail's nic are libioc's.
func ExampleDeriveMACs() {
	pair, err := network.DeriveMACs(network.AlgorithmLibioc, "02ff60", "foo", "vnet0")
	fmt.Println(pair.Host, pair.Jail, err)
	// Output: 02:ff:60:10:bf:1d 02:ff:60:10:bf:1e <nil>
}
