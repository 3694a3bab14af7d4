package refusal_test

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
)

func ExampleInterface() {
	err := refusal.Interface("SIOCIFDESTROY", "epair7a", syscall.ENXIO)
	fmt.Println(errors.Is(err, kernel.ErrNotFound), errors.Is(err, syscall.ENXIO))
	// Output: true true
}
