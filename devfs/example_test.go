package devfs_test

import (
	"fmt"
	"os"

	"github.com/libioc/go-libioc/devfs"
)

// A jail that uses DHCP gets its own ruleset, made once.
func Example() {
	system := devfs.Parse("/etc/defaults/devfs.rules", []byte("[devfsrules_hide_all=1]\nadd hide\n\n"+
		"[devfsrules_jail=4]\nadd include $devfsrules_hide_all\nadd path null unhide\n"))
	user := devfs.Parse("/etc/devfs.rules", []byte("# local rules\n"))
	set := devfs.NewSet([]*devfs.File{system}, user)

	base, err := set.Lookup("4")
	if err != nil {
		panic(err)
	}
	ruleset, created, err := set.Ensure(devfs.Extend(base.Rules, devfs.ForDHCP()), devfs.EnsureOptions{})
	fmt.Println(ruleset.Number, created, err)
	os.Stdout.Write(set.User().Marshal())

	rules, err := set.Flatten(ruleset)
	fmt.Println(rules, err)
	// Output:
	// 5 true <nil>
	// # local rules
	//
	// [iocage_auto_5=5]
	// add include $devfsrules_hide_all
	// add path null unhide
	// add path 'bpf*' unhide
	// [add hide add path null unhide add path 'bpf*' unhide] <nil>
}
