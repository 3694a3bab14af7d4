package step

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/pathname"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// Share attaches datasets to the running jail, zfs-jail(8), and mounts them
// in it.
type Share struct {
	Name        string   `json:"name"` // in the kernel
	RootDataset string   `json:"root_dataset"`
	Datasets    []string `json:"datasets"`
}

type shareEffect struct {
	// Attached are the datasets that were given to the jail.
	Attached []string `json:"attached"`
}

func (Share) Kind() string                { return "share datasets" }
func (a Share) Detail() string            { return strings.Join(a.Datasets, ", ") + ", zfs mount -a" }
func (Share) Event(e Env) events.IocEvent { return events.JailZFSShare{Jail: e.Name} }

func (a Share) Do(ctx context.Context, e Env, c *plan.Call) error {
	id, err := running(ctx, e, c, a.Name)
	if err != nil {
		return err
	}
	var done shareEffect
	for _, dataset := range a.Datasets {
		span := c.Span.Begin(events.AttachZFSDataset{Jail: e.Name, Dataset: dataset})
		done.Attached = append(done.Attached, dataset)
		err := c.SetEffect(done)
		if err == nil {
			err = attachDataset(ctx, e, id, dataset)
		}
		if err != nil {
			span.Fail(err, "")
			return err
		}
		span.Done("")
	}
	return mountShared(ctx, e, a, id)
}

func (a Share) Undo(ctx context.Context, e Env, c *plan.Call) error {
	var done shareEffect
	c.Effect(&done)
	if c.Rebooted {
		return nil
	}
	return errors.Join(unmountShared(ctx, e, c, a.RootDataset, done.Attached), detach(ctx, e, c, a.Name, done.Attached))
}

func attachDataset(ctx context.Context, e Env, id kernel.Identity, dataset string) error {
	// It is jailed=on, but may be mounted since before that was set.
	err := e.Host.Store.Unmount(ctx, dataset, false)
	if err != nil && !errors.Is(err, zfsstore.ErrNotMounted) && !errors.Is(err, zfsstore.ErrWrongType) {
		return err
	}
	return ignore.Err(e.Host.Store.Jail(ctx, strconv.Itoa(id.JID), dataset), zfsstore.ErrExists)
}

// mountShared mounts what can be mounted, by the jail's own zfs(8).
func mountShared(ctx context.Context, e Env, a Share, id kernel.Identity) error {
	out := newOutput(MaxOutput)
	cmd := kernel.Command{
		Jail: id, Argv: []string{"/sbin/zfs", "mount", "-a"}, Env: []string{"PATH=" + HookPath, "HOME=/root"},
		Stdout: out.stdout, Stderr: out.stdout,
	}
	var err error
	if out.exit, err = kernel.Run(ctx, e.Host.Kernel, toolLimit, cmd); err == nil && out.exit.Success() {
		return nil
	}
	return out.err("zfs", strings.Join(cmd.Argv, " "), err)
}

// unmountShared unmounts what the jail has mounted of its datasets.
func unmountShared(ctx context.Context, e Env, c *plan.Call, rootDataset string, datasets []string) error {
	mounts, err := e.Host.Mounts(ctx)
	root, ok := mounts.Dataset(rootDataset)
	if err != nil || !ok {
		return err
	}
	if err := sameMounted(mounts, c, rootDataset); err != nil {
		return ignore.Err(err, jailerr.ErrReplaced)
	}
	var all error
	for _, m := range mounts.Below(root) {
		if m.Type == "zfs" && BelongsTo(m.From, datasets) {
			all = errors.Join(all, UnmountOne(ctx, e, m, true))
		}
	}
	return all
}

// BelongsTo reports whether a dataset is one of the given or below one.
func BelongsTo(dataset string, datasets []string) bool {
	return slices.ContainsFunc(datasets, func(d string) bool { return pathname.Within(dataset, d) })
}

// Administered reports whether a mounted dataset is one that the jail below whose
// root it is mounted administers itself: it is among those that were shared, or
// has jailed=on, so that only a jail can have mounted it. The configuration may
// have changed since.
func Administered(ctx context.Context, h *host.Host, dataset string, shared []string) (bool, error) {
	if BelongsTo(dataset, shared) {
		return true, nil
	}
	if strings.Contains(dataset, "@") { // mounted below .zfs by looking there
		return false, nil
	}
	d, err := h.Store.Get(ctx, dataset, zfsstore.GetOptions{Properties: []string{"jailed"}})
	if err != nil {
		return false, ignore.Err(err, zfsstore.ErrNotFound, zfsstore.ErrWrongType)
	}
	return d.Properties["jailed"].Value == "on", nil
}

// detach takes datasets from a jail; what is not attached is no error.
func detach(ctx context.Context, e Env, c *plan.Call, name string, datasets []string) error {
	id, there, err := seenJail(ctx, e, c, name)
	if err != nil || !there {
		return err // the kernel has detached them
	}
	var all error
	for _, dataset := range datasets {
		err := e.Host.Store.Unjail(ctx, strconv.Itoa(id.JID), dataset)
		all = errors.Join(all, ignore.Err(err, zfsstore.ErrNotFound, zfsstore.ErrNoJail))
	}
	return all
}

// Unshare detaches datasets, zfs-unjail(8). The end of the jail detaches
// them too, so a failure is reported and not retried.
type Unshare Share

func (Unshare) Kind() string                { return "unshare datasets" }
func (a Unshare) Detail() string            { return strings.Join(a.Datasets, ", ") }
func (Unshare) Event(e Env) events.IocEvent { return events.JailZFSShare{Jail: e.Name} }

func (a Unshare) Do(ctx context.Context, e Env, c *plan.Call) error {
	return plan.Final(detach(ctx, e, c, a.Name, a.Datasets))
}
