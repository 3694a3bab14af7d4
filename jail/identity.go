package jail

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// Identity asks the kernel which jail runs under this name. If none does, the error is
// ErrNotRunning; a dying jail does not run. A jail that another program has started
// under the name, with another root, is ErrForeign, and the error names its path; so is
// one whose root cannot be compared, because the dataset does not exist any more.
func (j *Jail) Identity(ctx context.Context) (kernel.Identity, error) {
	if err := j.usable(ctx); err != nil {
		return kernel.Identity{}, err
	}
	j = j.still()
	id, err := j.host.Kernel.JailIdentify(ctx, 0, kernel.ByName(j.Identifier()))
	if err == nil && !j.foreign {
		err = j.mustBeOurs(ctx, id)
	}
	if errors.Is(err, kernel.ErrNotFound) {
		err = ErrNotRunning
	}
	if err != nil {
		return kernel.Identity{}, err
	}
	return id, nil
}

func (j *Jail) mustBeOurs(ctx context.Context, id kernel.Identity) error {
	p, err := j.host.Kernel.JailGet(ctx, 0, kernel.ByJID(id.JID), "path")
	if err != nil {
		return err
	}
	mounts, err := j.mountTable(ctx)
	if err != nil {
		return err
	}
	root, _ := mounts.Dataset(j.RootDataset())
	dir, _ := mounts.Dataset(j.Dataset())
	if root == "" && dir == "" {
		d, err := j.host.Store.Get(ctx, j.RootDataset(), zfsstore.GetOptions{})
		if err := ignore.Err(err, zfsstore.ErrNotFound, zfsstore.ErrNoPool); err != nil {
			return err
		}
		root = d.Mountpoint
	}
	path := p.String("path")
	if livesIn(root, dir, path) {
		return nil
	}
	// Without the lock it can have been stopped and destroyed in between.
	if _, err := j.host.Kernel.JailGet(ctx, 0, kernel.ByJID(id.JID), "path"); err != nil {
		return err
	}
	return fmt.Errorf("%w: %s runs at %s", ErrForeign, id, path)
}

// livesIn reports whether the path of a running jail is the root of the jail whose
// datasets are mounted at root and dir, or would be. They are empty where that is not
// known, and what proves nothing is another's: a running jail whose root was unmounted by
// force keeps its path.
func livesIn(root, dir, path string) bool {
	if root == "" && dir != "" {
		root = filepath.Join(dir, "root")
	}
	return root != "" && path == root
}

// identity is Identity, but zero for a jail that does not run.
func (j *Jail) identity(ctx context.Context) (kernel.Identity, error) {
	id, err := j.Identity(ctx)
	return id, ignore.Err(err, ErrNotRunning)
}

// Running asks the kernel whether the jail runs. Another program's jail of its name
// does not count.
func (j *Jail) Running(ctx context.Context) (bool, error) {
	id, err := j.identity(ctx)
	return !id.IsZero(), ignore.Err(err, ErrForeign)
}

// JID returns the running jail's jid. Errors: those of Identity.
func (j *Jail) JID(ctx context.Context) (int, error) {
	id, err := j.Identity(ctx)
	return id.JID, err
}
