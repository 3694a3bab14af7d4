package jail_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/libioc/go-libioc/jail"
)

// Changing a running jail: what counts at once, and what would need a restart.
func ExampleJail_Set() {
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

	_, err = j.Set(ctx, map[string]string{"maxproc": "200", "ip4_addr": "em0|192.0.2.7/24"}, jail.SetOptions{LiveOnly: true})
	fmt.Println("addresses and limits:", err)

	_, err = j.Set(ctx, map[string]string{"vnet": "yes"}, jail.SetOptions{LiveOnly: true})
	var restart *jail.RestartRequiredError
	fmt.Println("vnet:", errors.As(err, &restart), restart.Keys)
	// Output:
	// addresses and limits: <nil>
	// vnet: true [vnet]
}
