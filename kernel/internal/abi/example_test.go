package abi_test

import (
	"fmt"

	"github.com/libioc/go-libioc/kernel/internal/abi"
)

func ExampleNewPair() {
	p := abi.NewPair("fstype", []byte("nullfs\x00"))
	fmt.Printf("%q %q\n", p.Name, p.Value)
	// Output: "fstype\x00" "nullfs\x00"
}
