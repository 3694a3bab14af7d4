package step

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/saferoot"
	"github.com/libioc/go-libioc/kernel"
)

// Mounts are mounts below a jail's root, in order.
type Mounts struct {
	RootDataset string  `json:"root_dataset"`
	Mounts      []Mount `json:"mounts"`
}

// Mount is one mount; At is its place below the jail's root.
type Mount struct {
	Type    string               `json:"type"`
	From    string               `json:"from"`
	At      string               `json:"at"`
	Options []kernel.MountOption `json:"options,omitempty"`
	// Make creates a missing directory to mount on.
	Make bool `json:"make,omitempty"`
	// Optional skips the mount when its source does not exist.
	Optional bool `json:"optional,omitempty"`
	// Own marks a devfs with the jail's own ruleset, which may get another number when
	// it is loaded.
	Own bool `json:"own,omitempty"`
}

// mountEffect is what was done so far.
type mountEffect struct {
	Made    []string      `json:"made,omitempty"`    // directories, below the root
	Mounted []kernel.FSID `json:"mounted,omitempty"` // in order
	// Before is what was mounted below the root already, by somebody else.
	Before []kernel.FSID `json:"before,omitempty"`
}

func (a Mounts) places() []string {
	var out []string
	for _, m := range a.Mounts {
		out = append(out, "/"+m.At)
	}
	return out
}

// Do mounts every target. Directories are made and targets looked up
// from an open root, without following any symbolic link. On the way to a source
// links are followed outside of jails only.
func (a Mounts) Do(ctx context.Context, e Env, c *plan.Call) error {
	mounts, root, err := Located(ctx, e, c, a.RootDataset)
	if err != nil {
		return err
	}
	var done mountEffect
	for _, m := range mounts.Below(root) {
		done.Before = append(done.Before, m.FSID)
	}
	if err := c.SetEffect(done); err != nil {
		return err
	}
	guard, err := newGuard(ctx, e.Host, mounts)
	if err != nil {
		return err
	}
	for _, m := range a.Mounts {
		if err := ctx.Err(); err != nil {
			return err
		}
		if m.Make {
			made, err := makeDirs(root, m.At)
			done.Made = append(done.Made, made...)
			if err := errors.Join(err, c.SetEffect(done)); err != nil {
				return err
			}
		}
		guarded, err := guard.of(ctx, m.From)
		if err != nil {
			return err
		}
		mounted, err := e.Host.Kernel.Nmount(ctx, kernel.MountRequest{
			Type: m.Type, From: m.From, Guarded: guarded, Options: mountOptions(m, c),
			Path: filepath.Join(root, m.At), Below: root,
		})
		if m.Optional && errors.Is(err, kernel.ErrNotFound) {
			continue
		}
		if err != nil {
			return refusedMount(m, err)
		}
		done.Mounted = append(done.Mounted, mounted.FSID)
		if err := c.SetEffect(done); err != nil {
			return err
		}
	}
	return nil
}

// refusedMount says what was to be mounted where, and which of the two does not exist:
// the words of FreeBSD 13 for that, "Invalid fstype", do not.
func refusedMount(m Mount, err error) error {
	what := fmt.Sprintf("mount %s on /%s", m.From, m.At)
	call, ok := errors.AsType[*kernel.CallError](err)
	if ok && call.Subject != "" && errors.Is(err, kernel.ErrNotFound) {
		what += fmt.Sprintf(": %s does not exist", call.Subject)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// mountOptions are the options with the ruleset that was really loaded.
func mountOptions(m Mount, c *plan.Call) []kernel.MountOption {
	options := slices.Clone(m.Options)
	for i, o := range options {
		if !m.Own || o.Name != RulesetOption {
			continue
		}
		if n, err := strconv.ParseUint(o.Value, 10, 16); err == nil {
			options[i].Value = strconv.Itoa(int(loadedRuleset(c, uint16(n))))
		}
	}
	return options
}

func makeDirs(root, at string) ([]string, error) {
	r, err := saferoot.Open(root)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.MkdirAll(at, 0o755)
}

// Undo takes back what Do did. A mount made just before a crash,
// whose id never came to the journal, is found by its place and source.
func (a Mounts) Undo(ctx context.Context, e Env, c *plan.Call) error {
	var done mountEffect
	c.Effect(&done)
	if c.Rebooted {
		done.Mounted = nil // ids of another boot
	}
	mounts, err := e.Host.Mounts(ctx)
	if err != nil {
		return err
	}
	root, there := mounts.Dataset(a.RootDataset)
	if !there {
		err := fmt.Errorf("%w: %s", host.ErrNotMounted, a.RootDataset)
		return UnlessDestroyed(ctx, e, a.RootDataset, err)
	}
	if err := sameMounted(mounts, c, a.RootDataset); err != nil {
		if failed := unmountAll(ctx, e, mounts, done.Mounted); failed != nil {
			return failed
		}
		return LeaveReplaced(c, err)
	}
	var all error
	for _, m := range onRoot(mounts, a.RootDataset) {
		known := slices.ContainsFunc(a.Mounts, func(t Mount) bool {
			return filepath.Join(root, t.At) == m.Path && t.Type == m.Type && t.From == m.From
		})
		likely := !c.Rebooted && !slices.Contains(done.Before, m.FSID) && known
		if likely || slices.Contains(done.Mounted, m.FSID) {
			all = errors.Join(all, UnmountOne(ctx, e, m, true))
		}
	}
	if all != nil || len(done.Made) == 0 {
		return all
	}
	if root, err = e.Host.Mountpoint(ctx, a.RootDataset); err != nil {
		return err
	}
	r, err := saferoot.Open(root)
	if err != nil {
		return err
	}
	defer r.Close()
	return r.RemoveEmptyDirs(done.Made)
}

// unmountAll unmounts file systems wherever they are, the newest first.
func unmountAll(ctx context.Context, e Env, mounts host.MountTable, ids []kernel.FSID) (all error) {
	for _, m := range slices.Backward(mounts) {
		if slices.Contains(ids, m.FSID) {
			all = errors.Join(all, UnmountOne(ctx, e, m, true))
		}
	}
	return all
}

func (a Mounts) Detail() string {
	var parts []string
	for _, m := range a.Mounts {
		parts = append(parts, fmt.Sprintf("%s %s on /%s", m.Type, m.From, m.At))
	}
	return strings.Join(parts, ", ")
}

// The steps of a start that mount something, each with its own event.
type (
	MountBasejail  struct{ Mounts }
	MountFstab     struct{ Mounts }
	MountDevfs     struct{ Mounts }
	MountFdescfs   struct{ Mounts }
	MountProcfs    struct{ Mounts }
	MountLinprocfs struct{ Mounts }
)

func (MountBasejail) Kind() string { return "mount basejail" }
func (a MountBasejail) Event(e Env) events.IocEvent {
	return events.BasejailStorageConfig{Jail: e.Name, Mountpoints: a.places()}
}

func (MountFstab) Kind() string { return "mount fstab" }
func (a MountFstab) Event(e Env) events.IocEvent {
	return events.MountFstab{Jail: e.Name, Mountpoints: a.places()}
}

func (MountDevfs) Kind() string { return "mount devfs" }
func (a MountDevfs) Event(e Env) events.IocEvent {
	return events.MountDevFS{Jail: e.Name, Mountpoint: a.places()[0], Ruleset: a.ruleset()}
}

func (MountFdescfs) Kind() string { return "mount fdescfs" }
func (a MountFdescfs) Event(e Env) events.IocEvent {
	return events.MountFdescfs{Jail: e.Name, Mountpoint: a.places()[0]}
}

func (MountProcfs) Kind() string { return "mount procfs" }
func (a MountProcfs) Event(e Env) events.IocEvent {
	return events.MountProcfs{Jail: e.Name, Mountpoint: a.places()[0]}
}

func (MountLinprocfs) Kind() string { return "mount linprocfs" }
func (a MountLinprocfs) Event(e Env) events.IocEvent {
	return events.MountLinprocfs{Jail: e.Name, Mountpoint: a.places()[0]}
}

// RulesetOption is the option of a devfs mount that names its ruleset.
const RulesetOption = "ruleset"

func (a Mounts) ruleset() (n int) {
	for _, o := range a.Mounts[0].Options {
		if o.Name == RulesetOption {
			n, _ = strconv.Atoi(o.Value) // made by devfsSteps
		}
	}
	return n
}
