package refusal

import (
	"errors"
	"syscall"
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

func TestCpuset(t *testing.T) {
	if err := Cpuset("x", "", syscall.ESRCH); !errors.Is(err, kernel.ErrNotFound) {
		t.Error(err)
	}
}
