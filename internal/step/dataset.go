package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/pathname"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// CreateDataset makes a dataset that the plan saw missing.
type CreateDataset struct {
	Dataset string      `json:"dataset"`
	Mode    os.FileMode `json:"mode,omitempty"` // of the mountpoint; 0 leaves it
	// Shared datasets may be used by others by the time they are undone.
	Shared bool   `json:"shared,omitempty"`
	Made   string `json:"made"` // the operation, see madeProperty
	// Properties are set on it, native or user.
	Properties map[string]string `json:"properties,omitempty"`
	// Parents are the shared datasets above it, the highest first, see inParents.
	Parents []string `json:"parents,omitempty"`
}

func (CreateDataset) Kind() string     { return "create dataset" }
func (CreateDataset) Durable()         {}
func (a CreateDataset) Detail() string { return a.Dataset }

func (a CreateDataset) Event(e Env) events.IocEvent {
	if e.Release {
		return events.ReleasePrepareStorage{Release: e.Name, Dataset: a.Dataset}
	}
	return events.ZFSDatasetCreate{Dataset: a.Dataset}
}

func (a CreateDataset) Do(ctx context.Context, e Env, c *plan.Call) error {
	properties := Mark(a.Made)
	maps.Copy(properties, a.Properties)
	err := inParents(ctx, e, c, a.Dataset, a.Parents, a.Made, func() error {
		if err := sameParent(ctx, e, c, a.Dataset); err != nil {
			return err
		}
		return e.Host.Store.Create(ctx, a.Dataset, zfsstore.CreateOptions{Properties: properties})
	})
	if a.Shared && errors.Is(err, zfsstore.ErrExists) {
		c.Skip("exists")
		return nil
	}
	if err != nil || a.Shared {
		return err
	}
	path, err := firstMade(ctx, e, c, a.Dataset, a.Made)
	if err != nil || a.Mode == 0 {
		return err
	}
	if path == "" {
		return fmt.Errorf("%w: %s", host.ErrNotMounted, a.Dataset)
	}
	return os.Chmod(path, a.Mode)
}

func (a CreateDataset) Undo(ctx context.Context, e Env, c *plan.Call) error {
	err := unmake(ctx, e, a.Dataset, a.Made, a.Shared)
	if a.Shared && errors.Is(err, zfsstore.ErrHasChildren) {
		return nil // others use it by now
	}
	return errors.Join(err, undoParents(ctx, e, c, a.Parents, a.Made))
}

// inParents makes a dataset in shared ones. The operation that made those can fail
// in the meantime, and takes them back while they are empty: then they are made again.
// Another parent that is missing, such as a jail's dataset, is not made.
func inParents(ctx context.Context, e Env, c *plan.Call, dataset string, parents []string, by string, do func() error) error {
	for {
		err := do()
		if !errors.Is(err, zfsstore.ErrParentNotFound) || !slices.Contains(parents, path.Dir(dataset)) || ctx.Err() != nil {
			return err
		}
		if err := errors.Join(c.SetEffect(begun{true}), forget(c, parents...)); err != nil {
			return err
		}
		for i, name := range parents {
			err := e.Host.Store.Create(ctx, name, zfsstore.CreateOptions{Properties: Mark(by)})
			if i > 0 && errors.Is(err, zfsstore.ErrParentNotFound) {
				break // taken back again
			}
			if err = ignore.Err(err, zfsstore.ErrExists); err != nil {
				return err
			}
		}
	}
}

func undoParents(ctx context.Context, e Env, c *plan.Call, parents []string, by string) (all error) {
	if !c.Effect(&begun{}) {
		return nil
	}
	for _, name := range slices.Backward(parents) {
		all = errors.Join(all, CreateDataset{Dataset: name, Shared: true, Made: by}.Undo(ctx, e, c))
	}
	return all
}

// CreateParents makes those of the datasets that do not exist, parents first. Others
// may use them by the time they are undone.
func CreateParents(ctx context.Context, h *host.Host, by string, names ...string) ([]plan.Step, error) {
	missing, err := h.MissingDatasets(ctx, names...)
	var steps []plan.Step
	for _, name := range missing {
		steps = append(steps, plan.StepOf(CreateDataset{Dataset: name, Shared: true, Made: by}))
	}
	return steps, err
}

// CloneTarget is a snapshot and the dataset to clone it to.
type CloneTarget struct {
	Snapshot string `json:"snapshot"`
	Target   string `json:"target"`
}

// Clone makes datasets from snapshots: a jail's root from that of a
// release, or a tree of datasets from another.
type Clone struct {
	Clones  []CloneTarget `json:"clones"` // parents first
	Made    string        `json:"made"`
	Parents []string      `json:"parents,omitempty"` // shared, see inParents
}

func (Clone) Kind() string { return "clone" }
func (Clone) Durable()     {}
func (a Clone) Event(Env) events.IocEvent {
	return events.ZFSSnapshotClone{Snapshot: a.Clones[0].Snapshot, Target: a.Clones[0].Target}
}

func (a Clone) Detail() string {
	var parts []string
	for _, one := range a.Clones {
		parts = append(parts, one.Snapshot+" as "+one.Target)
	}
	return strings.Join(parts, ", ")
}

func (a Clone) Do(ctx context.Context, e Env, c *plan.Call) error {
	for _, one := range a.Clones {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := inParents(ctx, e, c, one.Target, a.Parents, a.Made, func() error {
			if err := sameParent(ctx, e, c, one.Target); err != nil {
				return err
			}
			return e.Host.Store.Clone(ctx, one.Snapshot, one.Target, zfsstore.CloneOptions{Properties: Mark(a.Made)})
		})
		if err == nil {
			_, err = firstMade(ctx, e, c, one.Target, a.Made)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a Clone) Undo(ctx context.Context, e Env, c *plan.Call) error {
	for _, one := range slices.Backward(a.Clones) {
		if err := unmake(ctx, e, one.Target, a.Made, false); err != nil {
			return err
		}
	}
	return undoParents(ctx, e, c, a.Parents, a.Made)
}

// DestroyDataset destroys a jail's dataset with all below it. All of them are
// unmounted first: one in use leaves everything there. A refusal is final: the
// caller decides whether to try again, not a later operation.
type DestroyDataset struct {
	Dataset string `json:"dataset"`
	GUID    uint64 `json:"guid"`
}

func (DestroyDataset) Kind() string     { return "destroy dataset" }
func (DestroyDataset) Durable()         {}
func (a DestroyDataset) Detail() string { return a.Dataset + " with children and snapshots" }
func (a DestroyDataset) Event(Env) events.IocEvent {
	return events.ZFSDatasetDestroy{Dataset: a.Dataset}
}

func (a DestroyDataset) Do(ctx context.Context, e Env, c *plan.Call) error {
	mounts, err := e.Host.Mounts(ctx)
	if err == nil {
		err = sameMounted(mounts, c, a.Dataset)
	}
	if err != nil {
		return plan.Final(LeaveReplaced(c, err))
	}
	err = skipGone(c, DestroyTree(ctx, e, a.Dataset, a.GUID))
	return plan.Final(LeaveReplaced(c, err))
}

// RenameDataset renames a dataset with all below it. Which one it is says
// its guid, whoever has the name.
type RenameDataset struct {
	From string `json:"from"`
	To   string `json:"to"`
	GUID uint64 `json:"guid"` // of the dataset: stays the same under every name
}

func (RenameDataset) Kind() string     { return "rename dataset" }
func (RenameDataset) Durable()         {}
func (a RenameDataset) Detail() string { return a.From + " to " + a.To }
func (a RenameDataset) Event(Env) events.IocEvent {
	return events.ZFSDatasetRename{Dataset: a.From, NewName: a.To}
}

func (a RenameDataset) Do(ctx context.Context, e Env, c *plan.Call) error {
	mounts, err := e.Host.Mounts(ctx)
	if err == nil {
		err = sameMounted(mounts, c, a.From) // whose configuration was read
	}
	if err != nil {
		return err
	}
	return renameOnce(ctx, e, c, a.From, a.To, a.GUID)
}

func (a RenameDataset) Undo(ctx context.Context, e Env, c *plan.Call) error {
	err := undoRename(ctx, e, c, a.From, a.To, a.GUID)
	if !errors.Is(err, zfsstore.ErrExists) {
		return err
	}
	taken := fmt.Errorf("%w: %s: %w; %s stays", jailerr.ErrReplaced, a.From, err, a.To)
	for _, s := range c.Steps() {
		var makes struct{ Made string }
		if json.Unmarshal(s.Args, &makes) != nil || makes.Made == "" {
			continue
		}
		// The operation puts another in its place, which is undone first.
		if ours, merr := Made(ctx, e, a.From, makes.Made); merr != nil || ours {
			return errors.Join(err, merr)
		}
		return plan.Final(taken)
	}
	// It keeps its new name, and the steps after this one make it what that says.
	return plan.Onward(taken)
}

// mountedTree returns the file systems of a dataset and those below it, the newest
// first.
func mountedTree(mounts host.MountTable, dataset string) (out host.MountTable) {
	for _, m := range slices.Backward(mounts) {
		if m.Type == "zfs" && !strings.Contains(m.From, "@") && pathname.Within(m.From, dataset) {
			out = append(out, m)
		}
	}
	return out
}

// heldTree finds what holds one of the file systems of a dataset, the deepest
// first.
func heldTree(ctx context.Context, e Env, dataset string, cause error) error {
	mounts, err := e.Host.Mounts(ctx)
	if err != nil {
		return errors.Join(cause, err)
	}
	var top *jailerr.HeldError
	for _, m := range mountedTree(mounts, dataset) {
		err := held(ctx, e, m, cause)
		if !errors.As(err, &top) {
			return err
		}
		top.Mounts = slices.DeleteFunc(top.Mounts, func(path string) bool {
			of, ok := mounts.At(path)
			return ok && of.Type == "zfs" && pathname.Within(of.From, dataset) // of the tree itself
		})
		if len(top.Mounts)+len(top.Jails)+len(top.Dying)+len(top.Processes) > 0 {
			return top
		}
	}
	if top == nil {
		return cause
	}
	return top
}

// Promote makes a clone the owner of its origin. The undo promotes the
// former owner, which takes back exactly the snapshots that it gave.
type Promote struct {
	Dataset string `json:"dataset"`
	GUID    uint64 `json:"guid"`
	Origin  string `json:"origin"` // the dataset it was cloned from
}

func (Promote) Kind() string                { return "promote" }
func (Promote) Durable()                    {}
func (a Promote) Detail() string            { return a.Dataset + "; " + a.Origin + " becomes a clone of it" }
func (a Promote) Event(Env) events.IocEvent { return events.ZFSDatasetPromote{Dataset: a.Dataset} }

func (a Promote) Do(ctx context.Context, e Env, c *plan.Call) error {
	if err := sameGUID(ctx, e, a.Dataset, a.GUID); err != nil {
		return err
	}
	if err := e.Host.Store.Promote(ctx, a.Dataset); err != nil {
		return err
	}
	return sameGUID(context.WithoutCancel(ctx), e, a.Dataset, a.GUID) // zfs(8) goes by the name
}

func (a Promote) Undo(ctx context.Context, e Env, c *plan.Call) error {
	d, err := e.Host.Store.Get(ctx, a.Origin, zfsstore.GetOptions{})
	if err != nil {
		return ignore.Err(err, zfsstore.ErrNotFound)
	}
	if of, _, _ := strings.Cut(d.Origin, "@"); of != a.Dataset {
		return nil
	}
	if err := sameGUID(ctx, e, a.Dataset, a.GUID); err != nil {
		return LeaveReplaced(c, err)
	}
	return e.Host.Store.Promote(ctx, a.Origin)
}

// DropBase destroys clones of base directories. What keeps them is left for
// the next start: the jail is up.
type DropBase struct {
	Dataset string `json:"dataset"`
	GUID    uint64 `json:"guid"`
}

func (DropBase) Kind() string                { return "destroy former base" }
func (DropBase) Durable()                    {}
func (a DropBase) Detail() string            { return a.Dataset + " with children and snapshots" }
func (a DropBase) Event(Env) events.IocEvent { return events.ZFSDatasetDestroy{Dataset: a.Dataset} }

func (a DropBase) Do(ctx context.Context, e Env, c *plan.Call) error {
	d, err := e.Host.Store.Get(ctx, a.Dataset, zfsstore.GetOptions{Properties: []string{BaseProperty}})
	if err == nil && d.Properties[BaseProperty].Source != zfsstore.SourceLocal {
		c.Skip("is something else by now")
		return nil
	}
	if err == nil {
		err = DestroyTree(ctx, e, a.Dataset, a.GUID)
	}
	if err = skipGone(c, err); err != nil {
		c.Skip(err.Error())
	}
	return nil
}

// DestroyTree destroys a dataset with all below it. One that is in use, held, sent or
// cloned leaves everything there and mounted. Errors:
// zfsstore.ErrNotFound, jailerr.ErrReplaced if another dataset has the name, whose guid
// differs, *jailerr.HeldError, and those of zfsstore.Store.Destroy.
func DestroyTree(ctx context.Context, e Env, dataset string, guid uint64) error {
	unmounted, err := unmountTree(ctx, e, dataset)
	if err != nil {
		return err
	}
	err = e.Host.Store.Destroy(ctx, dataset, zfsstore.DestroyOptions{Recursive: true, GUID: guid})
	if errors.Is(err, zfsstore.ErrReplaced) {
		err = fmt.Errorf("%w: %w", jailerr.ErrReplaced, err)
	}
	if err != nil {
		err = errors.Join(err, mountAgain(ctx, e, unmounted))
	}
	return err
}

// unmountTree unmounts the file systems of a dataset and those below it, the
// newest first and without force. When one is in use those that were unmounted
// are mounted again, and the error is a *jailerr.HeldError. The kernel's unmount needs no
// process.
func unmountTree(ctx context.Context, e Env, dataset string) (unmounted []string, err error) {
	mounts, err := e.Host.Mounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range mountedTree(mounts, dataset) {
		if err := UnmountOne(ctx, e, m, false); err != nil {
			// A call can be cut off after the kernel has done it.
			if mounts, merr := e.Host.Mounts(ctx); merr == nil && !slices.ContainsFunc(mounts, func(o kernel.Mounted) bool { return o.FSID == m.FSID }) {
				unmounted = append(unmounted, m.From)
			}
			return nil, errors.Join(err, mountAgain(ctx, e, unmounted))
		}
		unmounted = append(unmounted, m.From)
	}
	return unmounted, nil
}

// mountAgain mounts what unmountTree has unmounted and is still there, also when the
// operation's own time is over.
func mountAgain(ctx context.Context, e Env, unmounted []string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), againLimit)
	defer cancel()
	var all error
	for _, dataset := range slices.Backward(unmounted) {
		all = errors.Join(all, ignore.Err(e.Host.Store.Mount(ctx, dataset), zfsstore.ErrNotFound, zfsstore.ErrMounted))
	}
	return all
}

// againLimit is how long it may take to mount again what was unmounted.
const againLimit = time.Minute

// BaseProperty is a user property of the dataset that holds a jail's clones of
// base directories; its value is the release. Those below inherit it. What has it
// is made anew at every start, so nothing else may be destroyed for it.
const BaseProperty = "org.freebsd.ioc:basejail"
