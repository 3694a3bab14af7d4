package freebsd_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/freebsd"
)

// A program that calls Main first in main configures the network stack of
// a jail by system calls. This one gives it an address and a default route.
func ExampleMain() {
	main := func() {
		freebsd.Main()
		ctx := context.Background()
		k, err := freebsd.New()
		if err != nil {
			fmt.Fprintln(os.Stderr, err) // not a FreeBSD host
			return
		}
		id, err := k.JailIdentify(ctx, 0, kernel.ByName("www"))
		if err != nil {
			fmt.Fprintln(os.Stderr, err) // no such jail
			return
		}
		in := k.In(id)
		if err := in.AddressAdd(ctx, "vnet0", kernel.Address{Prefix: netip.MustParsePrefix("192.0.2.10/24")}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		gateway := kernel.Route{Dest: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.1")}
		if err := in.RouteAdd(ctx, gateway); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	main()
	// Output:
}
