package jail

import (
	"context"
	"maps"
	"slices"

	"github.com/libioc/go-libioc/config"
)

// Config holds the jail's own properties: what its configuration file says,
// without defaults. Changes count from the next operation on and are kept on
// disk by Save.
func (g *JailGenerator) Config() *config.Config { return g.own }

// effective is a property's value as it counts: the jail's own, else the
// defaults file's, else libioc's.
func (g *JailGenerator) effective() config.Effective {
	return config.Effective{Own: g.own, Defaults: g.defaults}
}

// Save writes the jail's own properties to its configuration file, in the form
// it was read in. Errors: ErrBusy, those of package config and of files.
func (g *JailGenerator) Save(ctx context.Context) error {
	if g.foreign {
		return g.refused("save", ErrForeign)
	}
	unlock, err := g.host.Lock(ctx, g.lockKey(), "save", Wait)
	if err != nil {
		return err
	}
	defer unlock()
	path, err := g.host.Mountpoint(ctx, g.Dataset())
	if err != nil {
		return err
	}
	return g.own.Save(path)
}

// Get is the value of a property as it counts, in libioc's text form: "yes",
// "no", "none". A key that is unknown is config.ErrUnknownProperty,
// except that an unset user.* property is empty.
func (g *JailGenerator) Get(key string) (string, error) { return g.effective().Text(key) }

// Problems lists the values of the configuration that could not be understood.
// They count as unset and survive a save.
func (g *JailGenerator) Problems() []*config.PropertyError { return g.own.Problems() }

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
