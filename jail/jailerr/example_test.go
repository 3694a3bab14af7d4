package jailerr_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/libioc/go-libioc/jail/jailerr"
)

func ExampleAddressError() {
	err := fmt.Errorf("start web: %w", &jailerr.AddressError{Interface: "vnet0", Method: "dhcp", After: 75 * time.Second})
	var address *jailerr.AddressError
	if errors.As(err, &address) {
		fmt.Println(address)
	}
	// Output: no address for vnet0 by dhcp within 1m15s
}
