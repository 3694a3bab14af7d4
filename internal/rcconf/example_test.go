package rcconf_test

import (
	"fmt"

	"github.com/libioc/go-libioc/internal/rcconf"
)

func ExampleFile_Set() {
	f, err := rcconf.Parse([]byte("# hosts\nhostname='old' # name\nsshd_enable=\"YES\"\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := f.Set("hostname", "new"); err != nil {
		fmt.Println(err)
	}
	if err := f.Set("motd", `say "$HOME"`); err != nil {
		fmt.Println(err)
	}
	fmt.Print(string(f.Bytes()))
	// Output:
	// # hosts
	// hostname='new' # name
	// sshd_enable="YES"
	// motd="say \"\$HOME\""
}
