package jail

import (
	"context"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
)

// Config holds the jail's own properties: what its configuration file says,
// without defaults. Changes count from the next operation on and are kept on
// disk by Save. It is the same Config forever: it shows what an operation has
// written once that has succeeded.
func (j *Jail) Config() *config.Config { return j.state().config }

// Effective returns the jail's configuration as it counts: its own properties, then
// those of the source's defaults file, then the schema's defaults. What operations
// write later it does not show.
func (j *Jail) Effective() config.Effective {
	return config.Effective{Own: j.own(), Defaults: j.defaults}
}

// Save writes what was changed in Config since the jail was loaded to the jail's
// configuration, in the form it has now: config.json, the UCL file config, or
// ZFS properties. What an interrupted operation left is cleared first; keys that
// others have written in the meantime, unknown keys, comments and order stay. It waits
// for an operation that runs on the jail. Without a change nothing is written.
//
// Errors: ErrNotFound, ErrCycle, ErrReplaced, ErrChanged if the file is edited by hand
// at the same time, ErrBusy, those of package config, of zfsstore and of files. All or
// nothing.
func (j *Jail) Save(ctx context.Context) error {
	_, err := j.Generator().Save().Run(ctx)
	return err
}

// Save returns the operation that [Jail.Save] runs.
func (g *JailGenerator) Save() *Operation {
	j := g.of()
	return &Operation{
		jail: j, name: "save", event: events.JailConfigSave{Jail: j.FullName()}, busy: BusyWait,
		after: j.created,
		steps: func(ctx context.Context, now *Jail, l *step.List) error {
			l.Fail(now.mayDepend(ctx))
			now.dropLimits(now.own())
			l.Append(now.saveSteps(now.own(), ""))
			if before, ok := now.onDisk(); ok {
				now.templateChange(ctx, l, before)
			}
			l.Commit()
			return nil
		},
	}
}

// saveSteps returns the steps that save a changed configuration as this jail's,
// whose dataset may have had another name. No change is no step.
func (j *Jail) saveSteps(own *config.Config, was string) ([]plan.Step, error) {
	if !own.Changed() {
		return nil, nil
	}
	if own.Format() == config.ZFS {
		set, unset, err := own.PropertyChanges()
		if err != nil || len(set)+len(unset) == 0 {
			return nil, err
		}
		return []plan.Step{plan.StepOf(step.SetProperties{Dataset: j.Dataset(), Was: was, Set: set, Inherit: unset})}, nil
	}
	data, err := own.Encode()
	if err != nil {
		return nil, err
	}
	file := own.Format().File()
	return []plan.Step{plan.StepOf(step.WriteConfig{
		Dataset: j.Dataset(), Was: was, File: file, Data: data, Keys: own.Keys(),
	})}, nil
}

// GetString returns what libioc's getstring prints: a fact of the jail itself (name,
// full_name, identifier, source, running, jid), else the property that counts, with
// several values joined by commas, "-" for none, and nothing for a user.* key that is
// not set. An unknown key is config.ErrUnknownProperty.
//
// What is a fact of the running jail is asked of the kernel.
func (j *Jail) GetString(key string) (string, error) {
	if kernelKeys[key] {
		if err := j.refresh(context.Background()); err != nil {
			return "", err
		}
	}
	eff := j.Effective()
	values, ok := j.field(eff, key)
	if !ok {
		_, err := eff.Text(key)
		return "", err
	}
	text := strings.Join(values, ",")
	switch {
	case strings.HasPrefix(key, "user.") && !eff.IsSet(key):
		return "", nil
	case text == "" || text == "none":
		return "-", nil
	}
	return text, nil
}

// Problems lists the values of the configuration that could not be understood.
// They count as unset and survive a save.
func (j *Jail) Problems() []*config.PropertyError { return j.own().Problems() }
