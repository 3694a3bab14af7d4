package step

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/atomicfile"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
)

// SaveConfig replaces the configuration file of a jail.
type SaveConfig struct {
	Dataset string   `json:"dataset"`
	File    string   `json:"file"` // below the dataset's mountpoint
	Data    []byte   `json:"data"`
	Old     Before   `json:"old"`
	Keys    []string `json:"keys"`
}

func (SaveConfig) Kind() string { return "save configuration" }
func (SaveConfig) Durable()     {}
func (SaveConfig) Inside()      {}
func (a SaveConfig) Detail() string {
	return a.Dataset + "/" + a.File + ": " + strings.Join(a.Keys, ", ")
}
func (a SaveConfig) Event(e Env) events.IocEvent {
	return events.JailConfigSave{Jail: e.Name, Keys: a.Keys}
}

func (a SaveConfig) Do(ctx context.Context, e Env, c *plan.Call) error {
	dir, err := openProved(ctx, e, c, a.Dataset)
	if err != nil {
		return err
	}
	defer dir.Close()
	if _, err := atomicfile.Clean(filepath.Join(dir.Path(), a.File)); err != nil {
		return err
	}
	if err := a.former().mayChange(dir, a.File); err != nil {
		return err
	}
	if err := c.SetEffect(begun{true}); err != nil {
		return err
	}
	return dir.WriteFile(a.File, a.Data, 0o644)
}

func (a SaveConfig) Undo(ctx context.Context, e Env, c *plan.Call) error {
	dir, err := openProved(ctx, e, c, a.Dataset)
	if err != nil {
		return LeaveReplaced(c, UnlessDestroyed(ctx, e, a.Dataset, err))
	}
	defer dir.Close()
	err = a.former().restore(dir, a.File)
	if errors.Is(err, jailerr.ErrChanged) && !c.Effect(&begun{}) {
		return nil // Do has refused
	}
	return err
}

func (a SaveConfig) former() FormerFile {
	return FormerFile{!a.Old.Had, a.Old.Data, 0o644, &Before{a.Data, true}}
}

// ReportEffects changes nothing: it reports when each change takes effect.
type ReportEffects struct {
	Live  []string `json:"live"`
	Later []string `json:"later"`
}

func (ReportEffects) Kind() string { return "tell effects" }
func (a ReportEffects) Detail() string {
	return "live: " + strings.Join(a.Live, ", ") + "; next start: " + strings.Join(a.Later, ", ")
}
func (a ReportEffects) Event(e Env) events.IocEvent {
	return events.JailConfigApply{Jail: e.Name, Live: a.Live, NextStart: a.Later}
}

func (ReportEffects) Do(_ context.Context, _ Env, _ *plan.Call) error { return nil }

// ChangeParams changes parameters of a jail that runs.
type ChangeParams struct {
	Jail string  `json:"jail"`
	New  []Param `json:"new"`
	Old  []Param `json:"old"`
}

func (ChangeParams) Kind() string     { return "change parameters" }
func (a ChangeParams) Detail() string { return withNames(a.Jail, a.New) }
func (a ChangeParams) Event(e Env) events.IocEvent {
	return events.JailConfigApply{Jail: e.Name, Live: paramNames(a.New)}
}

func (a ChangeParams) Do(ctx context.Context, e Env, c *plan.Call) error {
	id, err := running(ctx, e, c, a.Jail)
	if err != nil {
		return err
	}
	return updateJail(ctx, e.Host, id, a.New)
}

func (a ChangeParams) Undo(ctx context.Context, e Env, c *plan.Call) error {
	id, there, err := seenJail(ctx, e, c, a.Jail)
	if err != nil || !there {
		return err
	}
	return ignore.Err(updateJail(ctx, e.Host, id, a.Old), kernel.ErrNotFound)
}

// updateJail changes the jail with this jid: by its name it could be another's by now.
func updateJail(ctx context.Context, h *host.Host, id kernel.Identity, list []Param) error {
	if len(list) == 0 {
		return nil
	}
	params := append([]kernel.Param{kernel.Int("jid", id.JID)}, kernelParams(list)...)
	_, err := h.Kernel.JailSet(ctx, kernel.JailUpdate, params...)
	return err
}

// ChangeLimits replaces the rules of a running jail; undo restores the
// former ones.
type ChangeLimits struct {
	SetLimits
	Old []string `json:"old"` // the rules that were there
}

func (ChangeLimits) Kind() string     { return "change limits" }
func (a ChangeLimits) Detail() string { return "jail:" + a.Jail + " to " + strings.Join(a.Rules, " ") }

func (a ChangeLimits) Do(ctx context.Context, e Env, c *plan.Call) error {
	if a.Off {
		return a.SetLimits.Do(ctx, e, c)
	}
	if _, err := running(ctx, e, c, a.Jail); err != nil {
		return err
	}
	return setLimits(ctx, e.Host.Kernel, a.Jail, a.Rules)
}

func (a ChangeLimits) Undo(ctx context.Context, e Env, c *plan.Call) error {
	if c.Rebooted || a.Off {
		return nil
	}
	if _, there, err := seenJail(ctx, e, c, a.Jail); err != nil || !there {
		return err // what is left of one that has ended is swept
	}
	return setLimits(ctx, e.Host.Kernel, a.Jail, a.Old)
}
