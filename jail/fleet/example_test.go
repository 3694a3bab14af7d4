package fleet_test

import (
	"context"
	"fmt"
	"os"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/jail/fleet"
	"github.com/libioc/go-libioc/zfsstore"
)

// exampleJails is a simulated host with three jails that do nothing.
func exampleJails(ctx context.Context) (h *simhost.Host, done func()) {
	h, err := simhost.New("")
	if err != nil {
		panic(err)
	}
	for name, depends := range map[string]string{"db": "none", "web": "db", "mail": "none"} {
		dataset := simhost.Dataset + "/jails/" + name
		if err := h.ZFS.Create(ctx, dataset+"/root", zfsstore.CreateOptions{Parents: true}); err != nil {
			panic(err)
		}
		path, err := h.Mountpoint(ctx, dataset)
		if err != nil {
			panic(err)
		}
		text := jailtest.Plain(map[string]string{"depends": depends, "boot": "yes"})
		if err := os.WriteFile(path+"/config.json", []byte(text), 0o644); err != nil {
			panic(err)
		}
	}
	return h, func() { h.Close() }
}

// A jail is started after those that it depends on.
func ExampleStartAll() {
	ctx := context.Background()
	h, done := exampleJails(ctx)
	defer done()
	jails, err := fleet.Select(jail.List(ctx, h.Host, "web"))
	if err != nil {
		panic(err)
	}
	results, err := fleet.StartAll(ctx, h.Host, jails, fleet.StartAllOptions{})
	if err != nil {
		panic(err)
	}
	for _, r := range results {
		fmt.Println(r.Jail.FullName(), r.Outcome, r.Dependency, r.Err)
	}
	// Output:
	// db done true <nil>
	// web done false <nil>
}

// What Boot reports is what the host's console should show.
func ExampleBoot() {
	ctx := context.Background()
	h, done := exampleJails(ctx)
	defer done()
	if err := os.WriteFile(mustPath(ctx, h, "mail")+"/config.json", []byte(`{"boot": `), 0o644); err != nil {
		panic(err)
	}
	results, err := fleet.Boot(ctx, h.Host, fleet.BootOptions{})
	if err != nil {
		panic(err)
	}
	for _, r := range results.Failed() {
		fmt.Println(r.Jail.FullName(), r.Outcome)
	}
	// Output:
	// mail failed
}

func mustPath(ctx context.Context, h *simhost.Host, name string) string {
	path, err := h.Mountpoint(ctx, simhost.Dataset+"/jails/"+name)
	if err != nil {
		panic(err)
	}
	return path
}

// A watch begins with the existing jails.
func ExampleWatch() {
	ctx := context.Background()
	h, done := exampleJails(ctx)
	defer done()
	for c, err := range fleet.Watch(ctx, h.Host) {
		if err != nil {
			panic(err)
		}
		fmt.Println(c.Jail, c.Kind)
		if c.Kind == fleet.ChangeSnapshot {
			break
		}
	}
	// Output:
	// db there
	// mail there
	// web there
	//  snapshot
}
