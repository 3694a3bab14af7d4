package kernel_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/libioc/go-libioc/kernel"
)

// hangs is a machine on which no command ends.
type hangs struct{ kernel.Processes }

func (hangs) Run(ctx context.Context, _ kernel.Command) (kernel.Exit, error) {
	<-ctx.Done()
	return kernel.Exit{Code: -1, Signal: 9}, ctx.Err()
}

// TestRunHasALimit: nothing kept a caller from running a command in a jail without a
// limit.
func TestRunHasALimit(t *testing.T) {
	for _, limit := range []time.Duration{0, -1} {
		if _, err := kernel.Run(t.Context(), hangs{}, limit, kernel.Command{}); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("limit %v: %v", limit, err)
		}
	}
	if _, err := kernel.Run(t.Context(), hangs{}, time.Millisecond, kernel.Command{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("limited: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	if _, err := kernel.Run(ctx, hangs{}, kernel.Forever, kernel.Command{}); !errors.Is(err, context.Canceled) {
		t.Errorf("forever: %v", err)
	}
}
