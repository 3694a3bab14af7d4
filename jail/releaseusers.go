package jail

import (
	"context"
	"strings"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/release"
)

// Dependants names the jails that need a release though ZFS does not know of
// it: its basejails, whatever the patch level. A jail of that source whose
// configuration cannot be read counts as one, since it may be.
func Dependants(h *host.Host) release.Dependants {
	return func(ctx context.Context, r *release.Release) ([]string, error) {
		var out []string
		for j, err := range List(ctx, h) {
			if j == nil {
				return nil, err
			}
			if j.source.Name != r.Source().Name {
				continue
			}
			if err != nil || j.needs(r) {
				out = append(out, j.fullName)
			}
		}
		return out, nil
	}
}

func (j *Jail) needs(r *release.Release) bool {
	eff := j.Effective()
	if !key.Basejail.Of(eff) {
		return false // ZFS knows of clones
	}
	name, err := release.ParseName(strings.TrimSpace(key.Release.Of(eff)))
	return err != nil || name.Base() == r.Name().Base()
}
