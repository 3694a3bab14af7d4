package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/hosttest"
	"github.com/libioc/go-libioc/jail"
)

// operation is one operation of a program, drawn before it is known what there is.
type operation struct {
	kind        int
	name, other string
	snapshot    string
	yes, wait   bool
}

func drawOperation(r *rand.Rand) operation {
	pick := func() string { return names[r.IntN(len(names))] }
	return operation{
		kind: r.IntN(len(kinds)), name: pick(), other: pick(), snapshot: fmt.Sprintf("s%d", r.IntN(3)),
		yes: r.IntN(2) == 0, wait: r.IntN(2) == 0,
	}
}

func (op operation) String() string {
	return fmt.Sprintf("%s %s (%s, %s, %v, %v)", kinds[op.kind].name, op.name, op.other, op.snapshot, op.yes, op.wait)
}

func (op operation) busy() jail.Busy {
	if op.wait {
		return jail.BusyWait
	}
	return jail.BusyFail
}

func (op operation) run(ctx context.Context, m *machine) error { return kinds[op.kind].do(op, ctx, m) }

// kinds are the kinds of operations; more likely ones are there more than once.
var kinds = []struct {
	name string
	do   func(op operation, ctx context.Context, m *machine) error
}{
	{"create", operation.create},
	{"create", operation.create},
	{"create", operation.create},
	{"clone", operation.clone},
	{"start", operation.start},
	{"start", operation.start},
	{"start", operation.start},
	{"stop", operation.stop},
	{"stop", operation.stop},
	{"restart", operation.restart},
	{"rename", operation.rename},
	{"rename", operation.rename},
	{"snapshot", operation.takeSnapshot},
	{"snapshot", operation.takeSnapshot},
	{"roll back", operation.rollback},
	{"destroy snapshot", operation.destroySnapshot},
	{"destroy", operation.destroy},
	{"destroy", operation.destroy},
	{"set", operation.set},
	{"set", operation.set},
	{"fetch", operation.fetch},
	{"destroy release", operation.destroyRelease},
}

func (op operation) create(ctx context.Context, m *machine) error {
	// Jails without commands start at once, and need nothing of the release.
	j, err := jail.New(ctx, m.Host, jail.Spec{Name: op.name, Properties: map[string]string{
		"exec_start": "none", "exec_stop": "none", "ip4_addr": address(op.name),
	}})
	if err != nil {
		return err
	}
	_, err = j.Create(ctx, jail.CreateOptions{Release: jailRelease, Basejail: op.yes, Busy: op.busy()})
	return err
}

func (op operation) clone(ctx context.Context, m *machine) error {
	j, err := jail.New(ctx, m.Host, jail.Spec{Name: op.name})
	if err != nil {
		return err
	}
	_, err = j.CloneFromJail(ctx, jail.CloneOptions{Jail: op.other, Busy: op.busy()})
	return err
}

func (op operation) start(ctx context.Context, m *machine) error {
	j, err := jail.Load(ctx, m.Host, op.name)
	if err != nil {
		return err
	}
	_, err = j.Start(ctx, jail.StartOptions{Busy: op.busy()})
	return err
}

func (op operation) stop(ctx context.Context, m *machine) error {
	j, err := jail.Load(ctx, m.Host, op.name)
	if err != nil {
		return err
	}
	_, err = j.Stop(ctx, jail.StopOptions{Force: op.yes, Busy: op.busy()})
	return err
}

func (op operation) restart(ctx context.Context, m *machine) error {
	j, err := jail.Load(ctx, m.Host, op.name)
	if err != nil {
		return err
	}
	_, err = j.Restart(ctx, jail.RestartOptions{Shutdown: op.yes, Busy: op.busy()})
	return err
}

func (op operation) rename(ctx context.Context, m *machine) error {
	j, err := jail.Load(ctx, m.Host, op.name)
	if err != nil {
		return err
	}
	_, err = j.Rename(ctx, jail.RenameOptions{Name: op.other, Busy: op.busy()})
	return err
}

func (op operation) takeSnapshot(ctx context.Context, m *machine) error {
	j, err := jail.Load(ctx, m.Host, op.name)
	if err != nil {
		return err
	}
	_, err = j.CreateSnapshot(ctx, jail.SnapshotOptions{Name: op.snapshot, Busy: op.busy()})
	return err
}

func (op operation) rollback(ctx context.Context, m *machine) error {
	return op.planned(ctx, m, func(g *jail.JailGenerator) *jail.Operation {
		return g.RollbackSnapshot(jail.RollbackOptions{Name: op.snapshot, Newer: op.yes, Configuration: op.yes, Busy: op.busy()})
	})
}

func (op operation) destroySnapshot(ctx context.Context, m *machine) error {
	return op.planned(ctx, m, func(g *jail.JailGenerator) *jail.Operation {
		return g.DestroySnapshot(jail.SnapshotOptions{Name: op.snapshot, Busy: op.busy()})
	})
}

func (op operation) destroy(ctx context.Context, m *machine) error {
	return op.planned(ctx, m, func(g *jail.JailGenerator) *jail.Operation {
		return g.Destroy(jail.DestroyOptions{Force: op.yes, Busy: op.busy()})
	})
}

// planned runs an operation that does not read the jail's configuration again. If
// somebody has made another dataset in the jail's place, it is not meant for that;
// one who does so after the plan was made makes the plan stale.
func (op operation) planned(ctx context.Context, m *machine, of func(*jail.JailGenerator) *jail.Operation) error {
	j, err := jail.Load(ctx, m.Host, op.name)
	if err != nil {
		return err
	}
	p, err := of(j.Generator()).Plan(ctx)
	if err != nil {
		return err
	}
	if other, err := hosttest.MadeByHand(ctx, j); other || err != nil {
		return errors.Join(jail.ErrNotFound, err)
	}
	return events.Wait(ctx, p.Events(ctx))
}

func (op operation) set(ctx context.Context, m *machine) error {
	j, err := jail.Load(ctx, m.Host, op.name)
	if err != nil {
		return err
	}
	_, err = j.Set(ctx, map[string]string{"user.note": op.snapshot, "host_hostname": op.other}, jail.SetOptions{Busy: op.busy()})
	return err
}

func (op operation) fetch(ctx context.Context, m *machine) error { return m.fetch(ctx, otherRelease) }

func (op operation) destroyRelease(ctx context.Context, m *machine) error {
	return m.drop(ctx, otherRelease)
}
