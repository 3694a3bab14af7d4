package fleet

import (
	"context"
	"errors"
	"iter"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
)

// Usage is what one jail of [Usages] uses.
type Usage struct {
	Jail *jail.Jail
	jail.Usage
}

// Usages lists the jails that the filters select, as [jail.List] does, with what
// they use. The only process that it starts is the one that reads ZFS. A jail
// that cannot be read or measured comes with its error.
func Usages(ctx context.Context, h *host.Host, filters ...string) iter.Seq2[Usage, error] {
	return func(yield func(Usage, error) bool) {
		meter := jail.NewMeter(h)
		for j, err := range jail.List(ctx, h, filters...) {
			if j == nil {
				yield(Usage{}, err)
				return
			}
			u, measureErr := meter.Usage(ctx, j)
			if !yield(Usage{j, u}, errors.Join(err, measureErr)) {
				return
			}
		}
	}
}
