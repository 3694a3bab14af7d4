package hosttest_test

import (
	"context"
	"fmt"
	"log"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/hosttest"
	"github.com/libioc/go-libioc/zfsstore"
)

var source = host.Source{Name: "ioc", Dataset: simhost.Dataset}

// A dataset without a root is not a jail.
func ExampleCheck() {
	ctx := context.Background()
	h, err := simhost.New("")
	if err != nil {
		log.Fatal(err)
	}
	defer h.Close()
	if err := h.Store.Create(ctx, simhost.Dataset+"/jails/web", zfsstore.CreateOptions{Parents: true}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(hosttest.Check(ctx, h.Host, source, hosttest.Options{}))
	// Output: [zroot/iocage/jails/web has no root]
}
