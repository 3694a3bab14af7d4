package jailwatch_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/jailwatch"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// once lets Watch look once.
type once struct{}

func (once) Arm([]kernel.Identity) (bool, error) { return false, nil }
func (once) Wait(context.Context) error          { return errors.New("that was all") }
func (once) Close()                              {}

func ExampleWatch() {
	ctx := context.Background()
	k, err := simkernel.New(simkernel.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := k.JailSet(ctx, kernel.JailCreate, kernel.String("name", "web"), kernel.String("path", "/"), kernel.Bool("persist", true)); err != nil {
		fmt.Println(err)
		return
	}
	for event, err := range jailwatch.Watch(ctx, k, func() (jailwatch.Waiter, error) { return once{}, nil }) {
		fmt.Println(event, err)
	}
	// Output:
	// web (jid 1) there <nil>
	//  (jid 0) invalid that was all
}
