package key_test

import (
	"fmt"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
)

func Example() {
	own := config.FromProperties(map[string]string{
		"org.freebsd.iocage:boot": "on", "org.freebsd.iocage:ip4_addr": "em0|192.0.2.1/24",
	})
	eff := config.Effective{Own: own}
	fmt.Println(key.Boot.Of(eff), key.IP4Addr.Of(eff)[0].Addr, key.ExecTimeout.Of(eff))
	_, ok := key.Defaultrouter.Lookup(eff)
	fmt.Println(ok)
	// Output:
	// true 192.0.2.1 10m0s
	// false
}
