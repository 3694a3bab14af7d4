// Package pause waits, no longer than a context lasts.
package pause

import (
	"context"
	"errors"
	"time"
)

// For waits for d, or until ctx ends; then it returns the context's error.
func For(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// While calls try until its error is no longer busy, at most again times more,
// and returns the last error. The pauses between the calls begin with first and
// double. Try is given the number of calls before.
func While(ctx context.Context, busy error, first time.Duration, again int, try func(n int) error) error {
	for n := 0; ; n++ {
		err := try(n)
		if n >= again || !errors.Is(err, busy) {
			return err
		}
		if err := For(ctx, first<<n); err != nil {
			return err
		}
	}
}
