package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/libioc/go-libioc/internal/pause"
	"github.com/libioc/go-libioc/kernel"
)

// AddAliases adds the addresses that no interface of the host has. Before each
// it calls will with those added so far and the next one, so that a crash finds
// them written down. An address that is there already, on whatever interface
// and with whatever mask, is left alone: setting it again would change the
// host's own mask.
func AddAliases(ctx context.Context, k kernel.Network, want []Alias, will func(added []Alias) error) (added []Alias, err error) {
	if len(want) == 0 {
		return nil, nil
	}
	list, err := k.Interfaces(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range want {
		if _, there := holder(list, a.Prefix.Addr()); there {
			continue
		}
		if err := ctx.Err(); err != nil {
			return added, err
		}
		added = append(added, a)
		if err := will(slices.Clone(added)); err != nil {
			return added, err
		}
		if err := k.AddressAdd(ctx, a.Interface, kernel.Address{Prefix: a.Prefix}); err != nil {
			return added, fmt.Errorf("address %s: %w", a, err)
		}
	}
	return added, nil
}

// WaitBindable waits until the IPv6 addresses can be bound: detection of
// duplicates takes about a second, ndp(8). A duplicate is an error.
func WaitBindable(ctx context.Context, k kernel.Network, list []Alias) error {
	deadline := time.Now().Add(10 * time.Second)
	for _, a := range list {
		for a.Prefix.Addr().Is6() {
			state, err := k.AddressState(ctx, a.Interface, a.Prefix.Addr())
			switch {
			case err != nil:
				return fmt.Errorf("address %s: %w", a, err)
			case state.Duplicated:
				return fmt.Errorf("address %s: another machine has it", a)
			case state.Tentative && time.Now().Before(deadline):
				if err := pause.For(ctx, 50*time.Millisecond); err != nil {
					return err
				}
				continue
			}
			break
		}
	}
	return nil
}

// RemoveAliases takes addresses away, newest first, except those that used
// knows. All are tried.
func RemoveAliases(ctx context.Context, k kernel.Network, list []Alias, used func(netip.Addr) bool) (kept []Alias, err error) {
	for _, a := range slices.Backward(list) {
		if used(a.Prefix.Addr()) {
			kept = append(kept, a)
			continue
		}
		if e := k.AddressDelete(ctx, a.Interface, a.Prefix.Addr()); e != nil && !errors.Is(e, kernel.ErrNotFound) {
			kept = append(kept, a)
			err = errors.Join(err, fmt.Errorf("address %s: %w", a, e))
		}
	}
	slices.Reverse(kept)
	return kept, err
}
