package cmdline_test

import (
	"fmt"
	"strings"

	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/internal/cmdline"
)

func Example() {
	create := zfsstore.CreateOptions{Parents: true, Properties: map[string]string{"atime": "off"}}
	fmt.Println(strings.Join(cmdline.Create(create).Args("tank/a"), " "))
	list := zfsstore.ListOptions{Types: []zfsstore.Type{zfsstore.Snapshot}, Depth: 1}
	fmt.Println(strings.Join(cmdline.List[zfsstore.Type](list).Names("tank/a"), " "))
	// Output:
	// create -p -o atime=off tank/a
	// list -H -d 1 -t snapshot -o name tank/a
}
