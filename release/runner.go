package release

import (
	"context"
	"errors"

	"github.com/libioc/go-libioc/kernel"
)

// Runner runs programs in a temporary jail. Package jail supplies one
// (jail.NewRunner), since this package knows nothing of jails.
type Runner interface {
	// RunTemporary makes a jail with its mounts and calls run, once, on the
	// caller's goroutine. When it returns, whatever happened, the jail, its
	// processes and its mounts are gone. What an earlier call of the same name
	// left because the process or the machine stopped in the middle of it is
	// removed first; with a nil run that is all there is to do.
	RunTemporary(ctx context.Context, t TemporaryJail, run func(context.Context, kernel.Identity) error) error
}

// TemporaryJail describes the jail of a [Runner]. It has devfs, the host's
// network, and may change file flags.
type TemporaryJail struct {
	// Name is the jail's name in the kernel. It begins with an underscore, as no
	// jail of ours does.
	Name string
	// RootDataset is the dataset of its root, which must be mounted.
	RootDataset string
	// Mounts are nullfs mounts below the root, writable, in this order.
	Mounts []TemporaryMount
}

// TemporaryMount is one nullfs(5) mount.
type TemporaryMount struct {
	From string // directory of the host
	At   string // directory below the root, relative
}

// ErrNoRunner: an updater has to run, or what is left of one to be removed, and
// there is no Runner.
var ErrNoRunner = errors.New("a temporary jail is needed: no release.Runner was given, see jail.NewRunner")
