package lineartest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

var sink int

// steps takes time that grows as n to the power of degree.
func steps(degree int) func(n int) {
	return func(n int) {
		loops := n * 100
		if degree == 2 {
			loops = n * n
		}
		for i := range loops {
			sink += i ^ sink
		}
	}
}

func TestSlowdown(t *testing.T) {
	if testing.Short() || race {
		require.Zero(t, Slowdown(steps(2), 14))
		return
	}
	// Between 8 and 64, and far enough from both for an emulated machine's clock.
	require.Less(t, Slowdown(steps(1), 20), 20.0)
	require.Greater(t, Slowdown(steps(2), 14), 14.0)
}

func ExampleSlowdown() {
	read := steps(1)
	fmt.Println(Slowdown(read, 28) < 28)
	// Output: true
}
