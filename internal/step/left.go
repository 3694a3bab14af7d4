package step

import (
	"context"
	"slices"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/pathname"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
)

// UnmountLeft unmounts what was found when the operation was planned, if it
// is still there and no jail lives in it.
type UnmountLeft struct {
	RootDataset string           `json:"root_dataset"`
	Mounts      []kernel.Mounted `json:"mounts"` // the newest first
}

func (UnmountLeft) Kind() string                { return "unmount what is left" }
func (UnmountLeft) Event(e Env) events.IocEvent { return events.TeardownSystemMounts{Jail: e.Name} }

func (a UnmountLeft) Detail() string {
	var parts []string
	for _, m := range a.Mounts {
		parts = append(parts, m.Type+" on "+m.Path)
	}
	return strings.Join(parts, ", ")
}

func (a UnmountLeft) Do(ctx context.Context, e Env, c *plan.Call) error {
	mounts, root, err := mountedRoot(ctx, e, a.RootDataset, c)
	if err != nil || root == "" {
		return err
	}
	if err := Inhabited(ctx, e.Host, root); err != nil {
		return err
	}
	var gone []string
	for _, m := range a.Mounts {
		same := func(now kernel.Mounted) bool {
			return now.FSID == m.FSID && now.Type == m.Type && now.Path == m.Path
		}
		if !slices.ContainsFunc(mounts, same) {
			continue
		}
		if err := UnmountOne(ctx, e, m, true); err != nil {
			return err
		}
		gone = append(gone, strings.TrimPrefix(m.Path, root))
	}
	if len(gone) == 0 {
		c.Skip("nothing was mounted")
	}
	c.Final(events.TeardownSystemMounts{Jail: e.Name, Mountpoints: gone})
	return nil
}

// Inhabited returns a *jailerr.HeldError when a jail lives in the directory, whatever its
// name: another program has started it there.
func Inhabited(ctx context.Context, h *host.Host, root string) error {
	held := &jailerr.HeldError{Path: root, Err: syscall.EBUSY}
	for p, err := range h.Kernel.JailList(ctx, 0, "path") {
		if err != nil {
			return err
		}
		if pathname.Within(p.String("path"), root) {
			held.Jails = append(held.Jails, p.String("name"))
		}
	}
	if len(held.Jails) == 0 {
		return nil
	}
	return held
}
