package step

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"syscall"
	"time"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
)

// CreateJail makes the jail in the kernel. The path is added here because it is
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
}

// Param is a kernel.Param as it is kept in a journal.
type Param struct {
	Name  string `json:"name"`
	Data  []byte `json:"data,omitempty"`
	Empty bool   `json:"empty,omitempty"` // a value of no bytes, not a name alone
}

func (CreateJail) Kind() string { return "create jail" }

func (a CreateJail) Detail() string { return "jail_set " + a.Name + describe(a.Params) }

func (CreateJail) Event(e Env) events.IocEvent { return events.JailAttach{Jail: e.Name} }

func (a CreateJail) Do(ctx context.Context, e Env, c *plan.Call) error {
	root, err := e.Host.Mountpoint(ctx, a.RootDataset)
	if err != nil {
		return err
	}
	params := []kernel.Param{kernel.String("path", root)}
	for _, p := range a.Params {
		if p.Empty {
			p.Data = []byte{}
		}
		params = append(params, kernel.Param{Name: p.Name, Data: p.Data})
	}
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
	c.Final(events.JailAttach{Jail: e.Name, JID: id.JID})
	return c.SetEffect(id)
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
	// It was interrupted at jail_set(2), before or behind it: the name was
	// free before, and this boot has not ended since.
	id, ours, err := untouched(ctx, e, a)
	if err != nil || !ours {
		return err
	}
	return Remove(ctx, e, id, StuckAfter)
}

// untouched finds the jail of that name and tells whether it is as jail_set(2)
// leaves it: with all the values it was given, and no process yet. One that
// somebody else has started meanwhile is theirs.
func untouched(ctx context.Context, e Env, a CreateJail) (id kernel.Identity, ours bool, err error) {
	k := e.Host.Kernel
	id, err = k.JailIdentify(ctx, 0, kernel.ByName(a.Name))
	if errors.Is(err, kernel.ErrNotFound) {
		return id, false, nil
	}
	if err != nil {
		return id, false, err
	}
	list, err := k.ProcessList(ctx, id.JID)
	if err != nil || len(list) > 0 {
		return id, false, err
	}
	given := map[string][]byte{}
	for _, p := range a.Params {
		// The kernel sorts addresses and tells of names from its own root.
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
	if errors.Is(err, kernel.ErrNotFound) {
		return id, false, nil
	}
	if err != nil {
		return id, false, err
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

func describe(params []Param) string {
	text := ""
	for _, p := range params {
		text += " " + p.Name
	}
	return text
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

func (RemoveJail) Kind() string { return "remove jail" }

func (a RemoveJail) Detail() string { return "jail_remove " + a.Name }

func (RemoveJail) Event(e Env) events.IocEvent { return events.JailRemove{Jail: e.Name} }

func (RemoveJail) Barrier() {}

func (a RemoveJail) Limit() time.Duration { return a.Grace + StuckAfter }

func (a RemoveJail) Do(ctx context.Context, e Env, c *plan.Call) error {
	want := a.Identity
	if want.IsZero() {
		c.EffectOf("create jail", &want)
	}
	id, err := e.Host.Kernel.JailIdentify(ctx, 0, kernel.ByName(a.Name))
	switch {
	case errors.Is(err, kernel.ErrNotFound):
		c.Skip("not running")
		return nil
	case err != nil:
		return err
	case id != want:
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
		if err := k.ProcessSignal(ctx, p, int(syscall.SIGTERM)); err != nil && !errors.Is(err, kernel.ErrStale) && !errors.Is(err, kernel.ErrNotFound) {
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
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
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
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// family lists the jids of a jail and its children. Only a jail that has some
// costs a look at every jail of the host.
func family(ctx context.Context, k kernel.Kernel, id kernel.Identity) ([]int, error) {
	jids := []int{id.JID}
	switch p, err := k.JailGet(ctx, 0, kernel.ByJID(id.JID), "children.cur"); {
	case errors.Is(err, kernel.ErrNotFound):
		return jids, nil
	case err != nil:
		return nil, err
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

func within(name, parent string) bool {
	return len(name) > len(parent) && name[:len(parent)] == parent && name[len(parent)] == '.'
}

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
