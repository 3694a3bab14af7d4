package precheck

import (
	"errors"
	"syscall"
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

func TestCpusetError(t *testing.T) {
	if err := CpusetError("x", kernel.Identity{}, syscall.ESRCH); !errors.Is(err, kernel.ErrNotFound) {
		t.Error(err)
	}
}
