package step

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/pause"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
)

// CreateJail creates the jail in the kernel. The path is added here because it is
// not known before the root is mounted.
type CreateJail struct {
	Name        string  `json:"name"`
	RootDataset string  `json:"root_dataset"`
	Params      []Param `json:"params"`
	// Owned jails end with this process where the kernel has jail descriptors.
	Owned bool `json:"owned,omitempty"`
	// Ruleset is the devfs ruleset, for devfs mounted from inside; 0 is the
	// kernel's default.
	Ruleset uint16 `json:"ruleset,omitempty"`
	// Notes are what a person should know of the configuration.
	Notes []string `json:"notes,omitempty"`
}

// Param is a kernel.Param as it is kept in a journal.
type Param struct {
	Name  string `json:"name"`
	Data  []byte `json:"data,omitempty"`
	Empty bool   `json:"empty,omitempty"` // a value of no bytes, not a name alone
}

func (CreateJail) Kind() string { return "create jail" }
func (a CreateJail) Detail() string {
	return "jail_set " + withNames(a.Name, a.Params)
}
func (a CreateJail) Event(e Env) events.IocEvent { return a.event(e, 0) }

func (a CreateJail) event(e Env, jid int) events.JailAttach {
	return events.JailAttach{Header: events.Header{Message: strings.Join(a.Notes, "; ")}, Jail: e.Name, JID: jid}
}

func (a CreateJail) Do(ctx context.Context, e Env, c *plan.Call) error {
	_, root, err := Located(ctx, e, c, a.RootDataset)
	if err != nil {
		return err
	}
	params := append([]kernel.Param{kernel.String("path", root)}, kernelParams(a.Params)...)
	if a.Ruleset != 0 {
		params = append(params, kernel.Int("devfs_ruleset", int(loadedRuleset(c, a.Ruleset))))
	}
	id, err := create(ctx, e, a, params)
	if err != nil {
		if errors.Is(err, kernel.ErrExists) {
			err = errors.Join(err, c.SetEffect(foreign{true}))
		}
		return err
	}
	c.Final(a.event(e, id.JID))
	return errors.Join(c.SetEffect(id), firstJail(c, id))
}

func (a CreateJail) Undo(ctx context.Context, e Env, c *plan.Call) error {
	var made struct {
		foreign
		kernel.Identity
	}
	c.Effect(&made)
	switch {
	case made.Foreign || c.Rebooted:
		return nil
	case !made.Identity.IsZero():
		return Remove(ctx, e, made.Identity, StuckAfter)
	}
	// It was interrupted at jail_set(2), just before or after it: the name was
	// free before, and this boot has not ended since.
	id, ours, err := untouched(ctx, e, a)
	if err != nil || !ours {
		return err
	}
	return Remove(ctx, e, id, StuckAfter)
}

// untouched finds the jail of that name and reports whether it is as jail_set(2)
// leaves it: with all the values it was given, and no process yet. One that
// somebody else has started in the meantime is theirs.
func untouched(ctx context.Context, e Env, a CreateJail) (id kernel.Identity, ours bool, err error) {
	k := e.Host.Kernel
	id, there, err := find(ctx, e, a.Name)
	if err != nil || !there {
		return id, false, err
	}
	list, err := k.ProcessList(ctx, id.JID)
	if err != nil || len(list) > 0 {
		return id, false, err
	}
	given := map[string][]byte{}
	for _, p := range a.Params {
		// The kernel sorts addresses and reports names from its own root.
		if len(p.Data) > 0 && p.Name != "name" && p.Name != "ip4.addr" && p.Name != "ip6.addr" {
			given[p.Name] = p.Data
		}
	}
	root, err := e.Host.Mountpoint(ctx, a.RootDataset)
	if err != nil {
		return id, false, err
	}
	given["path"] = kernel.String("path", root).Data
	has, err := k.JailGet(ctx, 0, kernel.ByJID(id.JID), slices.Sorted(maps.Keys(given))...)
	if err != nil {
		return id, false, ignore.Err(err, kernel.ErrNotFound)
	}
	for name, want := range given {
		got, known := has.Raw(name)
		if !known || !bytes.Equal(bytes.TrimRight(got, "\x00"), bytes.TrimRight(want, "\x00")) {
			return id, false, nil
		}
	}
	return id, true, nil
}

func create(ctx context.Context, e Env, a CreateJail, params []kernel.Param) (kernel.Identity, error) {
	k := e.Host.Kernel
	if a.Owned {
		owned, err := k.JailSetOwned(ctx, params...)
		if err != nil {
			return kernel.Identity{}, err
		}
		e.Run.owned = owned
		return owned.Identity(), nil
	}
	jid, err := k.JailSet(ctx, kernel.JailCreate, params...)
	if err != nil {
		return kernel.Identity{}, err
	}
	return k.JailIdentify(ctx, 0, kernel.ByJID(jid))
}

func kernelParams(list []Param) (out []kernel.Param) {
	for _, p := range list {
		if p.Empty {
			p.Data = []byte{}
		}
		out = append(out, kernel.Param{Name: p.Name, Data: p.Data})
	}
	return out
}

// withNames is a jail's name and those of its parameters.
func withNames(jail string, list []Param) string {
	return strings.Join(append([]string{jail}, paramNames(list)...), " ")
}

func paramNames(list []Param) (names []string) {
	for _, p := range list {
		names = append(names, p.Name)
	}
	return names
}

// StuckAfter is how long processes have to end after SIGKILL.
const StuckAfter = 30 * time.Second

// RemoveJail removes the jail from the kernel and waits for its processes. What
// follows makes no sense while they live.
type RemoveJail struct {
	Name string `json:"name"`
	// Identity is the jail that ran when the stop was planned; zero is the one
	// that the plan's own "create jail" has made.
	Identity kernel.Identity `json:"identity"`
	// Grace is how long processes have between SIGTERM and SIGKILL, jail(8)
	// stop.timeout; 0 is SIGKILL at once. In nanoseconds.
	Grace time.Duration `json:"grace,omitempty"`
}

func (RemoveJail) Kind() string                { return "remove jail" }
func (RemoveJail) Barrier()                    {}
func (a RemoveJail) Limit() time.Duration      { return a.Grace + StuckAfter }
func (a RemoveJail) Detail() string            { return "jail_remove " + a.Name }
func (RemoveJail) Event(e Env) events.IocEvent { return events.JailRemove{Jail: e.Name} }

func (a RemoveJail) Do(ctx context.Context, e Env, c *plan.Call) error {
	want := a.Identity
	if want.IsZero() {
		c.EffectOf("create jail", &want)
	}
	id, there, err := find(ctx, e, a.Name)
	switch {
	case err != nil:
		return err
	case !there:
		c.Skip("not running")
		return nil
	case id != want || c.Rebooted: // an identity is of one boot
		// It uses the same root now: nothing there is this operation's to clear.
		c.End("another jail runs under the name")
		return nil
	}
	c.Final(events.JailRemove{Jail: e.Name, JID: id.JID})
	if err := terminate(ctx, e.Host.Kernel, id, a.Grace); err != nil {
		return err
	}
	return Remove(ctx, e, id, StuckAfter)
}

// terminate asks the jail's processes to end and waits for them, as jail(8) does
// before it removes a jail.
func terminate(ctx context.Context, k kernel.Kernel, id kernel.Identity, grace time.Duration) error {
	if grace <= 0 {
		return nil
	}
	list, err := k.ProcessList(ctx, id.JID)
	if err != nil || len(list) == 0 {
		return err
	}
	for _, p := range list {
		err := k.ProcessSignal(ctx, p, int(syscall.SIGTERM))
		if err = ignore.Err(err, kernel.ErrStale, kernel.ErrNotFound); err != nil {
			return err
		}
	}
	wait, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if err := k.ProcessWait(wait, list); err != nil && wait.Err() == nil {
		return err
	}
	return ctx.Err()
}

// Remove removes a jail and its children and waits until no process is left in
// them. A jail that is only held by a socket may stay dying for a
// minute; nothing here has to wait for that, jail_remove(2).
func Remove(ctx context.Context, e Env, id kernel.Identity, limit time.Duration) error {
	defer func() { _ = e.Run.release() }() // the jail has gone by then, or the error says why not
	k := e.Host.Kernel
	jids, err := family(ctx, k, id)
	if err != nil {
		return err
	}
	err = k.JailRemove(ctx, id)
	if errors.Is(err, kernel.ErrStale) {
		return nil // it has ended, and another has its jid
	}
	if err != nil && !errors.Is(err, kernel.ErrNotFound) {
		return err
	}
	deadline := time.Now().Add(limit)
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		left, err := processes(ctx, k, jids)
		if err != nil || left == 0 {
			return err
		}
		// A jid is free as soon as its jail is dying, and from FreeBSD 15 on
		// another jail may have it by now.
		if jids, err = dying(ctx, k, id.Name); err != nil || len(jids) == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w: %d left in %s", jailerr.ErrStuck, left, id)
		}
		if err := pause.For(ctx, wait); err != nil {
			return err
		}
	}
}

// family lists the jids of a jail and its children. Only a jail that has some
// costs a look at every jail of the host.
func family(ctx context.Context, k kernel.Kernel, id kernel.Identity) ([]int, error) {
	jids := []int{id.JID}
	switch p, err := k.JailGet(ctx, 0, kernel.ByJID(id.JID), "children.cur"); {
	case err != nil:
		return jids, ignore.Err(err, kernel.ErrNotFound)
	case p.Int("children.cur") == 0:
		return jids, nil
	}
	for p, err := range k.JailList(ctx, 0, "parent") {
		if err != nil {
			return nil, err
		}
		if within(p.String("name"), id.Name) {
			jids = append(jids, p.Int("jid"))
		}
	}
	return jids, nil
}

// dying lists the jids of a removed jail and its children, as far as they are
// not gone.
func dying(ctx context.Context, k kernel.Kernel, of string) (jids []int, err error) {
	for p, err := range k.JailList(ctx, kernel.JailDying, "dying") {
		if err != nil {
			return nil, err
		}
		if name := p.String("name"); p.Bool("dying") && (name == of || within(name, of)) {
			jids = append(jids, p.Int("jid"))
		}
	}
	return jids, nil
}

// within reports whether a jail's name is that of a child of parent.
func within(name, parent string) bool { return strings.HasPrefix(name, parent+".") }

func processes(ctx context.Context, k kernel.Kernel, jids []int) (int, error) {
	n := 0
	for _, jid := range jids {
		list, err := k.ProcessList(ctx, jid)
		if err != nil {
			return 0, err
		}
		n += len(list)
	}
	return n, nil
}
