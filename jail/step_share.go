package jail

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/jail/jailerr"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// stepShare attaches datasets to the running jail, zfs-jail(8), and mounts them
// in it.
type stepShare struct {
	Name        string   `json:"name"` // in the kernel
	RootDataset string   `json:"root_dataset"`
	Datasets    []string `json:"datasets"`
}

type shareEffect struct {
	// Attached are the datasets that were given to the jail.
	Attached []string `json:"attached"`
}

func (stepShare) Kind() string { return "share datasets" }

func (a stepShare) Detail() string { return strings.Join(a.Datasets, ", ") + ", zfs mount -a" }

func (stepShare) Event(e env) events.IocEvent { return events.JailZFSShare{Jail: e.jail} }

func (a stepShare) Do(ctx context.Context, e env, c *plan.Call) error {
	id, err := e.host.Kernel.JailIdentify(ctx, 0, kernel.ByName(a.Name))
	if err != nil {
		return err
	}
	var done shareEffect
	for _, dataset := range a.Datasets {
		span := c.Span.Begin(events.AttachZFSDataset{Jail: e.jail, Dataset: dataset})
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

func (a stepShare) Undo(ctx context.Context, e env, c *plan.Call) error {
	var done shareEffect
	c.Effect(&done)
	if c.Rebooted {
		return nil
	}
	return errors.Join(unmountShared(ctx, e, a.RootDataset, done.Attached), detach(ctx, e, a.Name, done.Attached))
}

func attachDataset(ctx context.Context, e env, id kernel.Identity, dataset string) error {
	// It is jailed=on, but may be mounted since before that was set.
	err := e.host.Store.Unmount(ctx, dataset, false)
	if err != nil && !errors.Is(err, zfsstore.ErrNotMounted) && !errors.Is(err, zfsstore.ErrWrongType) {
		return err
	}
	err = e.host.Store.Jail(ctx, strconv.Itoa(id.JID), dataset)
	if errors.Is(err, zfsstore.ErrExists) {
		return nil
	}
	return err
}

// mountShared mounts what can be mounted, by the jail's own zfs(8).
func mountShared(ctx context.Context, e env, a stepShare, id kernel.Identity) error {
	var out strings.Builder
	cmd := kernel.Command{
		Jail: id, Argv: []string{"/sbin/zfs", "mount", "-a"}, Env: []string{"PATH=" + hookPath, "HOME=/root"},
		Stdout: &out, Stderr: &out,
	}
	exit, err := e.host.Kernel.Run(ctx, cmd)
	if err == nil && exit.Success() {
		return nil
	}
	return &jailerr.HookError{
		Hook: "zfs", Command: strings.Join(cmd.Argv, " "),
		ExitCode: exit.Code, Signal: exit.Signal, Output: tail(out.String()), Err: err,
	}
}

// unmountShared unmounts what the jail has mounted of its datasets.
func unmountShared(ctx context.Context, e env, rootDataset string, datasets []string) error {
	mounts, err := e.host.Mounts(ctx)
	if err != nil {
		return err
	}
	root, ok := mounts.Dataset(rootDataset)
	if !ok {
		return nil
	}
	var all error
	for _, m := range mounts.Below(root) {
		if m.Type == "zfs" && belongsTo(m.From, datasets) {
			all = errors.Join(all, unmount(ctx, e, m))
		}
	}
	return all
}

// belongsTo tells whether a dataset is one of the given or below one.
func belongsTo(dataset string, datasets []string) bool {
	return slices.ContainsFunc(datasets, func(d string) bool {
		return dataset == d || strings.HasPrefix(dataset, d+"/")
	})
}

// administered tells whether a mounted dataset is one that the jail below whose
// root it is mounted administers itself: it is among those that were shared, or
// has jailed=on, so that only a jail can have mounted it. The configuration may
// have changed since.
func administered(ctx context.Context, h *host.Host, dataset string, shared []string) (bool, error) {
	if belongsTo(dataset, shared) {
		return true, nil
	}
	if strings.Contains(dataset, "@") { // mounted below .zfs by looking there
		return false, nil
	}
	d, err := h.Store.Get(ctx, dataset, zfsstore.GetOptions{Properties: []string{"jailed"}})
	if errors.Is(err, zfsstore.ErrNotFound) || errors.Is(err, zfsstore.ErrWrongType) {
		return false, nil
	}
	return err == nil && d.Properties["jailed"].Value == "on", err
}

// detach takes datasets from a jail; what is not attached is no error.
func detach(ctx context.Context, e env, name string, datasets []string) error {
	id, err := e.host.Kernel.JailIdentify(ctx, 0, kernel.ByName(name))
	if errors.Is(err, kernel.ErrNotFound) {
		return nil // the kernel has detached them
	}
	if err != nil {
		return err
	}
	var all error
	for _, dataset := range datasets {
		err := e.host.Store.Unjail(ctx, strconv.Itoa(id.JID), dataset)
		if err != nil && !errors.Is(err, zfsstore.ErrNotFound) && !errors.Is(err, zfsstore.ErrNoJail) {
			all = errors.Join(all, err)
		}
	}
	return all
}

// stepUnshare detaches datasets, zfs-unjail(8). The end of the jail detaches
// them too, so a failure is told and not tried again.
type stepUnshare stepShare

func (stepUnshare) Kind() string { return "unshare datasets" }

func (a stepUnshare) Detail() string { return strings.Join(a.Datasets, ", ") }

func (stepUnshare) Event(e env) events.IocEvent { return events.JailZFSShare{Jail: e.jail} }

func (a stepUnshare) Do(ctx context.Context, e env, _ *plan.Call) error {
	return plan.Final(detach(ctx, e, a.Name, a.Datasets))
}
