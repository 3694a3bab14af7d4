package pause_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/libioc/go-libioc/internal/pause"
)

func ExampleWhile() {
	busy := errors.New("busy")
	err := pause.While(context.Background(), busy, time.Millisecond, 7, func(n int) error {
		if n < 2 {
			return busy
		}
		fmt.Println("free after", n, "attempts")
		return nil
	})
	fmt.Println(err)

	ended, cancel := context.WithCancel(context.Background())
	cancel()
	fmt.Println(pause.For(ended, time.Hour))
	// Output:
	// free after 2 attempts
	// <nil>
	// context canceled
}
