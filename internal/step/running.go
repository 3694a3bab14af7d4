package step

import (
	"context"
	"errors"
	"fmt"

	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/kernel"
)

// running returns the identity of a jail that must run, and must be the one that the
// operation began with.
func running(ctx context.Context, e Env, c *plan.Call, name string) (kernel.Identity, error) {
	id, there, err := seenJail(ctx, e, c, name)
	if err == nil && !there {
		err = kernel.ErrNotFound
	}
	if err != nil {
		return id, fmt.Errorf("jail %s: %w", name, err)
	}
	return id, nil
}

// find returns the identity of a jail that may run, and whether it does.
func find(ctx context.Context, e Env, name string) (id kernel.Identity, there bool, err error) {
	id, err = e.Host.Kernel.JailIdentify(ctx, 0, kernel.ByName(name))
	if errors.Is(err, kernel.ErrNotFound) {
		return kernel.Identity{}, false, nil
	}
	return id, err == nil, err
}

// Runs reports whether the jail of that name runs in the kernel. A release has no
// jail: the empty name does not run.
func (e Env) Runs(ctx context.Context, name string) (bool, error) {
	if name == "" {
		return false, nil
	}
	_, there, err := find(ctx, e, name)
	return there, err
}
