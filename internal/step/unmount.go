package step

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/pathname"
	"github.com/libioc/go-libioc/internal/pause"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/kernel"
)

// Unmount takes away everything that is mounted on or below a stopped jail's
// root, the newest first, whoever mounted it.
type Unmount struct {
	RootDataset string `json:"root_dataset"`
	// Listed are the places of the jail's fstab, below the root: a ZFS file
	// system mounted there is taken away, one mounted by itself stays.
	Listed []string `json:"listed,omitempty"`
	// Shared are the datasets that the jail administered itself: what it has
	// mounted of them goes with it.
	Shared []string `json:"shared,omitempty"`
}

func (Unmount) Kind() string                { return "unmount" }
func (a Unmount) Detail() string            { return "all below the root of " + a.RootDataset }
func (Unmount) Event(e Env) events.IocEvent { return events.TeardownSystemMounts{Jail: e.Name} }

func (a Unmount) Do(ctx context.Context, e Env, c *plan.Call) error {
	mounts, root, err := mountedRoot(ctx, e, a.RootDataset, c)
	if err != nil || root == "" {
		return err
	}
	if c.Resumed {
		if err := Inhabited(ctx, e.Host, root); err != nil {
			return plan.Final(err) // somebody has started a jail there since
		}
	}
	listed := map[string]bool{}
	for _, at := range a.Listed {
		listed[filepath.Join(root, at)] = true
	}
	var gone []string
	var all error
	for _, m := range onRoot(mounts, a.RootDataset) {
		if m.Type == "zfs" && !listed[m.Path] {
			own, err := Administered(ctx, e.Host, m.From, a.Shared)
			if err != nil || !own {
				all = errors.Join(all, err)
				continue
			}
		}
		if err := UnmountOne(ctx, e, m, true); err != nil {
			all = errors.Join(all, err)
			continue
		}
		gone = append(gone, strings.TrimPrefix(m.Path, root))
	}
	if all == nil && len(gone) == 0 {
		c.Skip("nothing was mounted")
	}
	c.Final(events.TeardownSystemMounts{Jail: e.Name, Mountpoints: gone})
	return all
}

// UnmountLive unmounts places of a running jail. What comes after it must
// not forget a mount that is still there.
type UnmountLive struct {
	RootDataset string   `json:"root_dataset"`
	Places      []string `json:"places"` // below the root
	Force       bool     `json:"force,omitempty"`
}

func (UnmountLive) Kind() string { return "unmount fstab" }
func (UnmountLive) Barrier()     {}
func (a UnmountLive) Detail() string {
	return "all at and below the root of " + a.RootDataset + " /" + strings.Join(a.Places, ", /")
}
func (UnmountLive) Event(e Env) events.IocEvent { return events.UnmountFstab{Jail: e.Name} }

func (a UnmountLive) Do(ctx context.Context, e Env, c *plan.Call) error {
	mounts, root, err := mountedRoot(ctx, e, a.RootDataset, c)
	if err != nil || root == "" {
		return err
	}
	var gone []string
	for _, m := range mountedFrom(mounts, root, a.Places) {
		at := strings.TrimPrefix(m.Path, root+"/")
		if err := UnmountOne(ctx, e, m, a.Force); err != nil {
			return err
		}
		gone = append(gone, "/"+at)
	}
	c.Final(events.UnmountFstab{Jail: e.Name, Mountpoints: gone})
	return nil
}

// mountedFrom is what is mounted at places below a root and on that, the newest
// first. What was mounted below a place before is hidden, and stays.
func mountedFrom(mounts host.MountTable, root string, places []string) (out host.MountTable) {
	var tops []string
	for _, m := range mounts {
		for _, at := range places {
			if m.Path == filepath.Join(root, at) {
				tops = append(tops, m.Path)
			}
		}
		if slices.ContainsFunc(tops, func(top string) bool { return pathname.Within(m.Path, top) }) {
			out = append(out, m)
		}
	}
	slices.Reverse(out)
	return out
}

// mountedRoot is the mount table and where a jail's root is mounted. Where it is
// not, or where another dataset has its name, the step is skipped and the path is empty.
func mountedRoot(ctx context.Context, e Env, dataset string, c *plan.Call) (host.MountTable, string, error) {
	mounts, err := e.Host.Mounts(ctx)
	if err != nil {
		return nil, "", err
	}
	root, ok := mounts.Dataset(dataset)
	if !ok {
		c.Skip("root is not mounted")
	}
	if err := sameMounted(mounts, c, dataset); err != nil {
		return nil, "", LeaveReplaced(c, err)
	}
	return mounts, root, nil
}

// onRoot is what is mounted below the root of a jail, or over it, the newest
// first.
func onRoot(mounts host.MountTable, dataset string) (out host.MountTable) {
	root, ok := mounts.Dataset(dataset)
	over := true // until the root itself is met
	for i := len(mounts) - 1; ok && i >= 0; i-- {
		m := mounts[i]
		if m.Type == "zfs" && m.From == dataset {
			over = false
		} else if pathname.Within(m.Path, root) && (over || m.Path != root) {
			out = append(out, m)
		}
	}
	return out
}

// UnmountOne unmounts one file system and waits a while for one in use. With force
// that ends in MNT_FORCE: the jail's own processes have ended by then. What stays in
// use is a *jailerr.HeldError.
func UnmountOne(ctx context.Context, e Env, m kernel.Mounted, force bool) error {
	again := patience
	if force {
		again = 10
	}
	err := pause.While(ctx, syscall.EBUSY, firstPause, again, func(n int) error {
		var flags kernel.MountFlags
		if force && n >= 5 {
			flags = kernel.MntForce
		}
		return ignore.Err(e.Host.Kernel.UnmountFSID(ctx, m.FSID, flags), kernel.ErrNotFound)
	})
	if errors.Is(err, syscall.EBUSY) {
		return held(ctx, e, m, err)
	}
	return err
}

// What is in use is tried again this often, for 0.6 s altogether.
const (
	firstPause = 5 * time.Millisecond
	patience   = 7
)
