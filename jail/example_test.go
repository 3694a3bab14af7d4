package jail_test

import (
	"context"
	"fmt"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/release/releasetest"
)

// exampleHost is a simulated host with one release. On FreeBSD, host.Open
// returns the machine itself.
func exampleHost(ctx context.Context) (h *host.Host, done func()) {
	sim, err := simhost.New("")
	if err != nil {
		panic(err)
	}
	if err := releasetest.Fetch(ctx, sim.Host, "13.2-RELEASE"); err != nil {
		panic(err)
	}
	return sim.Host, func() { sim.Close() }
}

func Example() {
	ctx := context.Background()
	h, done := exampleHost(ctx)
	defer done()

	j, err := jail.New(ctx, h, jail.Spec{Name: "web"})
	if err != nil {
		panic(err)
	}
	if _, err := j.Create(ctx, jail.CreateOptions{Release: "13.2-RELEASE"}); err != nil {
		panic(err)
	}
	if _, err := j.Start(ctx, jail.StartOptions{}); err != nil {
		panic(err)
	}
	result, err := j.Exec(ctx, []string{"/bin/freebsd-version"}, jail.ExecOptions{})
	fmt.Printf("%s%v\n", result.Stdout, err)
	// Output:
	// 13.2-RELEASE
	// <nil>
}

// The operations of a JailGenerator stream their events while they run.
func ExampleJailGenerator() {
	ctx := context.Background()
	h, done := exampleHost(ctx)
	defer done()
	j, err := jail.New(ctx, h, jail.Spec{Name: "web"})
	if err != nil {
		panic(err)
	}
	for e := range j.Generator().Create(jail.CreateOptions{Release: "13.2-RELEASE"}).Events(ctx) {
		switch e := e.(type) {
		case events.JailCreate:
			fmt.Println(e.State, "jail", e.Jail)
		case events.JailConfigSave:
			fmt.Println(e.State, "config of", e.Jail)
		}
	}
	// Output:
	// pending jail web
	// pending config of web
	// done config of web
	// done jail web
}

// A plan tells what an operation would do, before anything is touched.
func ExampleOperation_Plan() {
	ctx := context.Background()
	h, done := exampleHost(ctx)
	defer done()
	j, err := jail.New(ctx, h, jail.Spec{Name: "web"})
	if err != nil {
		panic(err)
	}
	j.Create(ctx, jail.CreateOptions{Release: "13.2-RELEASE"})
	j.Start(ctx, jail.StartOptions{})
	p, err := j.Generator().Stop(jail.StopOptions{}).Plan(ctx)
	if err != nil {
		panic(err)
	}
	fmt.Print(p)
	// Output:
	// stop web
	//   1. run hook: exec.stop: /bin/sh /etc/rc.shutdown
	//   2. remove jail: jail_remove ioc-web
	//   3. unmount: all below the root of zroot/iocage/jails/web/root
}

func ExampleList() {
	ctx := context.Background()
	h, done := exampleHost(ctx)
	defer done()
	for _, name := range []string{"db", "web1", "web2"} {
		j, err := jail.New(ctx, h, jail.Spec{Name: name, Properties: map[string]string{"user.tier": name[:2]}})
		if err != nil {
			panic(err)
		}
		j.Create(ctx, jail.CreateOptions{Release: "13.2-RELEASE"})
	}
	for j, err := range jail.List(ctx, h, "web*", "running=no", "user.tier=we") {
		fmt.Println(j.FullName(), err)
	}
	// Output:
	// web1 <nil>
	// web2 <nil>
}
