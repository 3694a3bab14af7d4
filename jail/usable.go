package jail

import (
	"context"
	"errors"

	"github.com/libioc/go-libioc/host"
)

// usable reports a mistake of the program: without a context or a host a call would
// panic.
func usable(ctx context.Context, h *host.Host) error {
	switch {
	case ctx == nil:
		return errors.New("context is nil")
	case h == nil:
		return errors.New("host is nil")
	}
	return nil
}

// usable is the same for a call of a method.
func (j *Jail) usable(ctx context.Context) error {
	if j == nil || j.host == nil {
		return errors.New("neither New nor Load has made this Jail")
	}
	return usable(ctx, j.host)
}
