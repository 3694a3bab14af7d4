package columns_test

import (
	"context"
	"os"

	"github.com/libioc/go-libioc/examples/columns"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// A jail of another program is in the list too.
func ExampleWrite() {
	h, err := simhost.New("")
	if err != nil {
		panic(err)
	}
	defer h.Close()
	ctx := context.Background()
	h.Sim.JailSet(ctx, kernel.JailCreate, kernel.String("name", "build"), kernel.String("path", "/"), kernel.Bool("persist", true))

	o := columns.Options{Columns: []string{"jid", "name", "running", "foreign"}}
	if err := columns.Write(os.Stdout, jail.List(ctx, h.Host), o); err != nil {
		panic(err)
	}
	// Output:
	// JID  NAME   RUNNING  FOREIGN
	// 1    build  yes      yes
}
