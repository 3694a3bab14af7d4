package step

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/fstab"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/zfsstore"
)

// WriteConfig writes a file of a jail's dataset, beside its root: the
// configuration or fstab(5). What was there before comes back with the undo.
type WriteConfig struct {
	Dataset string   `json:"dataset"`
	File    string   `json:"file"` // below the dataset's mountpoint
	Data    []byte   `json:"data"`
	Absent  bool     `json:"absent,omitempty"` // there is to be no such file
	Was     string   `json:"was,omitempty"`    // the dataset's name before a rename
	Keys    []string `json:"keys"`
	// Old is what the file is until then, if the plan knows it: what somebody has made of
	// it since stays.
	Old *Before `json:"old,omitempty"`
}

func (WriteConfig) Kind() string     { return "write configuration" }
func (WriteConfig) Durable()         {}
func (WriteConfig) Inside()          {}
func (a WriteConfig) Detail() string { return a.Dataset + "/" + a.File }

func (a WriteConfig) Event(e Env) events.IocEvent {
	if a.File == FstabFile {
		return events.JailFstabUpdate{Jail: e.Name, File: a.Dataset + "/" + a.File}
	}
	return events.JailConfigSave{Jail: e.Name, Keys: a.Keys}
}

func (a WriteConfig) Do(ctx context.Context, e Env, c *plan.Call) error {
	dir, was, err := besideRoot(ctx, e, a.Dataset, a.File, c)
	if err != nil {
		return goneSince(ctx, e, c, a.Dataset, err)
	}
	defer dir.Close()
	to := Before{a.Data, !a.Absent}
	if a.Old != nil && was.Now == nil {
		err := FormerFile{Absent: !a.Old.Had, Data: a.Old.Data, Now: &to}.mayChange(dir, a.File)
		if err != nil {
			return endChanged(c, err)
		}
	}
	return was.replace(c, dir, a.File, to)
}

func (a WriteConfig) Undo(ctx context.Context, e Env, c *plan.Call) error {
	return putBack(ctx, e, []string{a.Dataset, a.Was}, a.File, c)
}

// FstabFile is the fstab(5) of a jail, in its dataset.
const FstabFile = "fstab"

// MoveFstab turns paths at and below one dataset's mountpoint into those of
// the dataset that holds the file: the jail's new name, or its clone's. Whole
// components are compared, and every other byte stays.
type MoveFstab struct {
	Dataset string `json:"dataset"`
	From    string `json:"from"` // where the dataset that the lines name is mounted
	Was     string `json:"was,omitempty"`
}

func (MoveFstab) Kind() string     { return "update fstab" }
func (MoveFstab) Durable()         {}
func (MoveFstab) Inside()          {}
func (a MoveFstab) Detail() string { return a.Dataset + "/" + FstabFile + ": paths below " + a.From }
func (a MoveFstab) Event(e Env) events.IocEvent {
	return events.JailFstabUpdate{Jail: e.Name, File: a.Dataset + "/" + FstabFile}
}

func (a MoveFstab) Do(ctx context.Context, e Env, c *plan.Call) error {
	dir, was, err := besideRoot(ctx, e, a.Dataset, FstabFile, c)
	if err != nil {
		return goneSince(ctx, e, c, a.Dataset, err)
	}
	defer dir.Close()
	data, err := dir.ReadFile(FstabFile, MostFormer)
	if errors.Is(err, fs.ErrNotExist) {
		c.Skip("there is none")
		return nil
	}
	if err != nil {
		return err
	}
	file := fstab.Parse(data)
	if file.ReplacePath(a.From, dir.Path()) == 0 {
		c.Skip("unchanged")
		return nil
	}
	was.Now = nil // lines of others stay
	return was.replace(c, dir, FstabFile, Before{file.Marshal(), true})
}

func (a MoveFstab) Undo(ctx context.Context, e Env, c *plan.Call) error {
	return putBack(ctx, e, []string{a.Dataset, a.Was}, FstabFile, c)
}

// SetProperties sets properties of a dataset, native or user.
type SetProperties struct {
	Dataset string            `json:"dataset"`
	Was     string            `json:"was,omitempty"` // the dataset's name before a rename
	Set     map[string]string `json:"set,omitempty"`
	Inherit []string          `json:"inherit,omitempty"`
}

// formerProperties are the values that were set on the dataset itself.
type formerProperties map[string]string

func (SetProperties) Kind() string { return "set properties" }
func (SetProperties) Durable()     {}
func (SetProperties) Inside()      {}
func (a SetProperties) Event(Env) events.IocEvent {
	return events.ZFSPropertySet{Dataset: a.Dataset, Properties: a.texts()}
}

func (a SetProperties) Detail() string {
	text := a.Dataset + ":"
	for _, p := range a.texts() {
		text += " " + p
	}
	return text
}

func (a SetProperties) Do(ctx context.Context, e Env, c *plan.Call) error {
	was := formerProperties{}
	if c.Effect(&was) { // again, after a crash
		d, err := e.Host.Store.Get(ctx, a.Dataset, zfsstore.GetOptions{})
		if err == nil {
			err = firstGUID(c, d)
		}
		if err != nil {
			return err
		}
		return a.Apply(ctx, e)
	}
	d, err := e.Host.Store.Get(ctx, a.Dataset, zfsstore.GetOptions{Properties: a.names()})
	if err == nil {
		err = firstGUID(c, d)
	}
	if err != nil {
		return err
	}
	for name, p := range d.Properties {
		if p.Source == zfsstore.SourceLocal {
			was[name] = p.Value
		}
	}
	if err := c.SetEffect(was); err != nil {
		return err
	}
	return a.Apply(ctx, e)
}

func (a SetProperties) Undo(ctx context.Context, e Env, c *plan.Call) error {
	var was formerProperties
	if !c.Effect(&was) {
		return nil
	}
	back := SetProperties{Dataset: a.Dataset, Set: map[string]string{}}
	names := zfsstore.GetOptions{Properties: a.names()}
	d, err := e.Host.Store.Get(ctx, a.Dataset, names)
	if errors.Is(err, zfsstore.ErrNotFound) && a.Was != "" {
		back.Dataset = a.Was
		d, err = e.Host.Store.Get(ctx, a.Was, names)
	}
	if err == nil {
		err = firstGUID(c, d)
	}
	if err != nil {
		return LeaveReplaced(c, ignore.Err(err, zfsstore.ErrNotFound))
	}
	var changed error
	for _, name := range a.names() {
		now := d.Properties[name]
		local := now.Source == zfsstore.SourceLocal
		to, set := a.Set[name]
		old, had := was[name]
		switch {
		case local == had && (!had || now.Value == old): // it was never changed, or is back
		case local != set || set && now.Value != to:
			changed = errors.Join(changed, fmt.Errorf("%s of %s %w", name, back.Dataset, jailerr.ErrChanged))
		case had:
			back.Set[name] = old
		default:
			back.Inherit = append(back.Inherit, name)
		}
	}
	if err := back.Apply(ctx, e); err != nil {
		return err
	}
	return plan.Final(changed)
}

func (a SetProperties) names() []string {
	return append(slices.Sorted(maps.Keys(a.Set)), a.Inherit...)
}

func (a SetProperties) texts() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(a.Set)) {
		out = append(out, name+"="+a.Set[name])
	}
	return append(out, a.Inherit...)
}

// Apply sets the properties.
func (a SetProperties) Apply(ctx context.Context, e Env) error {
	if len(a.Set) > 0 {
		if err := e.Host.Store.Set(ctx, a.Dataset, a.Set); err != nil {
			return err
		}
	}
	for _, name := range a.Inherit {
		if err := e.Host.Store.Inherit(ctx, a.Dataset, name, false); err != nil {
			return err
		}
	}
	return nil
}
