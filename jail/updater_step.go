package jail

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/atomicfile"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
	"github.com/libioc/go-libioc/release"
)

// stepRunUpdater changes the tree of the jail, or of a clone of it.
type stepRunUpdater struct {
	Update release.TreeUpdate `json:"update"`
	Jail   string             `json:"jail"`  // in the kernel
	Saved  string             `json:"saved"` // snapshot of the state before
}

func (stepRunUpdater) Kind() string     { return "run updater" }
func (a stepRunUpdater) Detail() string { return "on " + a.Update.Target + " in jail " + a.Update.Jail }
func (stepRunUpdater) Event(e step.Env) events.IocEvent {
	return events.ExecuteResourceUpdate{Resource: e.Name}
}

func (stepRunUpdater) Durable() {}

func (a stepRunUpdater) Do(ctx context.Context, e step.Env, c *plan.Call) error {
	result, err := a.Update.Run(ctx, e.Host, NewRunner(e.Host))
	if err != nil {
		if running, rerr := e.Runs(ctx, a.Jail); rerr == nil && running {
			return fmt.Errorf("%w (the jail runs, so nothing is rolled back: the state before is %s)", err, a.Saved)
		}
		return err
	}
	step.Updated(e, c, result.Changed, result.String())
	return nil
}

func (a stepRunUpdater) Undo(ctx context.Context, e step.Env, _ *plan.Call) error {
	return a.Update.Clear(ctx, e.Host, NewRunner(e.Host))
}

// stepSetRelease writes the jail's release property.
type stepSetRelease struct {
	Dataset string `json:"dataset"`
	Release string `json:"release"`
}

// formerRelease is the effect of stepSetRelease.
type formerRelease struct {
	Release string `json:"release"`
	Set     bool   `json:"set"`
}

func (stepSetRelease) Kind() string     { return "set release" }
func (a stepSetRelease) Detail() string { return a.Dataset + ": release=" + a.Release }
func (stepSetRelease) Event(e step.Env) events.IocEvent {
	return events.JailConfigSave{Jail: e.Name, Keys: []string{"release"}}
}

func (stepSetRelease) Durable() {}

func (a stepSetRelease) Do(ctx context.Context, e step.Env, c *plan.Call) error {
	_, path, err := step.Located(ctx, e, c, a.Dataset)
	if err != nil {
		return err
	}
	own, err := savedConfig(ctx, e, a.Dataset, path)
	if err != nil {
		return err
	}
	var former formerRelease
	if former.Release, former.Set = own.GetString("release"); former.Release != a.Release {
		if err := c.SetEffect(former); err != nil {
			return err
		}
	}
	return writeRelease(ctx, e, own, a.Dataset, path, a.Release, true)
}

func (a stepSetRelease) Undo(ctx context.Context, e step.Env, c *plan.Call) error {
	var former formerRelease
	if !c.Effect(&former) {
		return nil
	}
	_, path, err := step.Located(ctx, e, c, a.Dataset)
	if err != nil {
		return step.LeaveReplaced(c, step.UnlessDestroyed(ctx, e, a.Dataset, err))
	}
	own, err := savedConfig(ctx, e, a.Dataset, path)
	if err != nil {
		return err
	}
	return writeRelease(ctx, e, own, a.Dataset, path, former.Release, former.Set)
}

// savedConfig returns the configuration, as it is on disk, of the jail whose dataset is
// mounted at path.
func savedConfig(ctx context.Context, e step.Env, dataset, path string) (*config.Config, error) {
	own, err := config.ReadDir(path)
	if errors.Is(err, config.ErrNoConfig) {
		own, err = configOfDataset(ctx, e.Host, dataset)
	}
	return own, err
}

func writeRelease(ctx context.Context, e step.Env, own *config.Config, dataset, path, name string, set bool) error {
	if !set {
		own.Unset("release")
	} else if err := own.Set("release", name); err != nil {
		return err
	}
	if own.Format() != config.ZFS {
		if _, err := atomicfile.Clean(filepath.Join(path, own.Format().File())); err != nil {
			return err
		}
		return own.Save(path)
	}
	props, gone, err := own.PropertyChanges()
	if err != nil {
		return err
	}
	return step.SetProperties{Dataset: dataset, Set: props, Inherit: gone}.Apply(ctx, e)
}
