package hosttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// An Act is one thing that a hand does, drawn before it is known what exists, so that
// a seed gives the same acts each time.
type Act struct {
	kind, name int
	number     int
}

// DrawAct draws an act.
func DrawAct(r *rand.Rand) Act {
	return Act{kind: r.IntN(len(acts)), name: r.IntN(1 << 20), number: r.IntN(1 << 20)}
}

// String returns what kind of act it is.
func (a Act) String() string { return acts[a.kind].name }

// acts are the kinds of acts. More likely ones are there more than once.
var acts = []struct {
	name string
	do   func(m *Hand, ctx context.Context, name string, number int) error
}{
	{"create", (*Hand).plant},
	{"create", (*Hand).plant},
	{"destroy own", (*Hand).uproot},
	{"destroy", (*Hand).destroy},
	{"move away", (*Hand).moveAway},
	{"move away", (*Hand).moveAway},
	{"replace", (*Hand).replace},
	{"replace", (*Hand).replace},
	{"replace", (*Hand).replace},
	{"move back", (*Hand).moveBack},
	{"move back", (*Hand).moveBack},
	{"move root away", (*Hand).moveRootAway},
	{"destroy what was moved away", (*Hand).clear},
	{"snapshot own", (*Hand).snapshot},
	{"roll back own", (*Hand).rollback},
	{"jail -r", (*Hand).removeJail},
	{"umount", (*Hand).unmount},
	{"jail -c", (*Hand).createJail},
	{"jail -r own", (*Hand).removeOwnJail},
}

// Do does one act. What is refused, because the thing does not exist or is in use, is
// not an error.
func (m *Hand) Do(ctx context.Context, a Act) (what string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := m.names[a.name%len(m.names)]
	what = acts[a.kind].name + " " + name
	err = acts[a.kind].do(m, ctx, name, a.number)
	for _, refused := range []error{
		zfsstore.ErrNotFound, zfsstore.ErrExists, zfsstore.ErrBusy, zfsstore.ErrHasDependents, zfsstore.ErrHasChildren, zfsstore.ErrParentNotFound,
		zfsstore.ErrNewerSnapshots, zfsstore.ErrNoSpace, kernel.ErrNotFound, kernel.ErrExists, kernel.ErrStale, errNothing,
	} {
		if errors.Is(err, refused) {
			return what + ", refused", nil
		}
	}
	return what, err
}

// snapshotPrefix begins the names of a hand's snapshots.
const snapshotPrefix = "by-hand-"

// errNothing: what an act is about does not exist.
var errNothing = errors.New("nothing there")

// at returns the dataset in a jail's place.
func (m *Hand) at(ctx context.Context, dataset string) (d zfsstore.Dataset, mine bool, err error) {
	d, err = m.host.Store.Get(ctx, dataset, zfsstore.GetOptions{Properties: []string{noteProperty}})
	return d, m.mine(d), err
}

// plant makes a dataset in a jail's place.
func (m *Hand) plant(ctx context.Context, name string, _ int) error {
	return m.create(ctx, m.place(name))
}

// uproot destroys the hand's own dataset in a jail's place.
func (m *Hand) uproot(ctx context.Context, name string, _ int) error {
	if _, mine, err := m.at(ctx, m.place(name)); err != nil || !mine {
		return errors.Join(err, errNothing)
	}
	return m.act(ctx, m.place(name), func() error {
		return m.host.Store.Destroy(ctx, m.place(name), zfsstore.DestroyOptions{Recursive: true})
	})
}

// destroy destroys a jail's datasets.
func (m *Hand) destroy(ctx context.Context, name string, _ int) error {
	if _, mine, err := m.at(ctx, m.place(name)); err != nil || mine {
		return errors.Join(err, errNothing)
	}
	if err := m.touch(ctx, name); err != nil {
		return err
	}
	return m.act(ctx, m.place(name), func() error {
		return m.host.Store.Destroy(ctx, m.place(name), zfsstore.DestroyOptions{Recursive: true})
	})
}

// moveAway moves what is in a jail's place out of the source.
func (m *Hand) moveAway(ctx context.Context, name string, _ int) error {
	return m.move(ctx, m.place(name), name)
}

func (m *Hand) move(ctx context.Context, from, name string) error {
	if err := m.touch(ctx, name); err != nil {
		return err
	}
	m.Next++
	to := fmt.Sprintf("%s/%s-%d", m.away, name, m.Next)
	return m.act(ctx, from, func() error { return m.host.Store.Rename(ctx, from, to, zfsstore.RenameOptions{}) })
}

// replace moves a jail away and makes a dataset in its place at once.
func (m *Hand) replace(ctx context.Context, name string, number int) error {
	if err := m.moveAway(ctx, name, number); err != nil {
		return err
	}
	return m.plant(ctx, name, number)
}

// moveRootAway moves a jail's root out of the source.
func (m *Hand) moveRootAway(ctx context.Context, name string, _ int) error {
	m.Rootless = true
	return m.move(ctx, m.place(name)+"/root", name)
}

// moved returns one of the datasets that were moved away.
func (m *Hand) moved(ctx context.Context, number int) (dataset, name string, err error) {
	all, err := m.host.Store.List(ctx, m.away, zfsstore.ListOptions{Depth: 1})
	if err != nil || len(all) < 2 {
		return "", "", errors.Join(err, errNothing)
	}
	dataset = all[1+number%(len(all)-1)].Name
	name, _, _ = strings.Cut(strings.TrimPrefix(dataset, m.away+"/"), "-")
	return dataset, name, nil
}

// moveBack moves something that was moved away into its place.
func (m *Hand) moveBack(ctx context.Context, _ string, number int) error {
	from, name, err := m.moved(ctx, number)
	if err != nil {
		return err
	}
	if _, err := m.host.Store.Get(ctx, from+"/root", zfsstore.GetOptions{}); err != nil {
		return err // a root alone, or a jail without one
	}
	if err := m.touch(ctx, name); err != nil {
		return err
	}
	return m.act(ctx, from, func() error { return m.host.Store.Rename(ctx, from, m.place(name), zfsstore.RenameOptions{}) })
}

// clear destroys something that was moved away.
func (m *Hand) clear(ctx context.Context, _ string, number int) error {
	dataset, _, err := m.moved(ctx, number)
	if err != nil {
		return err
	}
	return m.act(ctx, dataset, func() error {
		return m.host.Store.Destroy(ctx, dataset, zfsstore.DestroyOptions{Recursive: true})
	})
}

// snapshot makes a snapshot of the hand's own dataset in a jail's place.
func (m *Hand) snapshot(ctx context.Context, name string, number int) error {
	if _, mine, err := m.at(ctx, m.place(name)); err != nil || !mine {
		return errors.Join(err, errNothing)
	}
	return m.act(ctx, m.place(name), func() error {
		return m.host.Store.Snapshot(ctx, fmt.Sprintf("%s@%s%d", m.place(name), snapshotPrefix, number%3), zfsstore.SnapshotOptions{})
	})
}

// rollback rolls the hand's own dataset back.
func (m *Hand) rollback(ctx context.Context, name string, number int) error {
	if _, mine, err := m.at(ctx, m.place(name)); err != nil || !mine {
		return errors.Join(err, errNothing)
	}
	return m.act(ctx, m.place(name), func() error {
		return m.host.Store.Rollback(ctx, fmt.Sprintf("%s@%s%d", m.place(name), snapshotPrefix, number%3), zfsstore.RollbackOptions{Recent: true})
	})
}

// removeJail removes a jail from the kernel.
func (m *Hand) removeJail(ctx context.Context, name string, _ int) error {
	id, err := m.host.Kernel.JailIdentify(ctx, 0, kernel.ByName(m.identifier(name)))
	if err != nil || m.Jails[name] == id {
		return errors.Join(err, errNothing)
	}
	return errors.Join(m.touch(ctx, name), m.host.Kernel.JailRemove(ctx, id))
}

// unmount unmounts what was mounted last below a jail's root.
func (m *Hand) unmount(ctx context.Context, name string, _ int) error {
	mounts, err := m.host.Mounts(ctx)
	if err != nil {
		return err
	}
	root, ok := mounts.Dataset(m.place(name) + "/root")
	if !ok || len(mounts.Below(root)) == 0 {
		return errNothing
	}
	return errors.Join(m.touch(ctx, name), m.host.Kernel.UnmountFSID(ctx, mounts.Below(root)[0].FSID, 0))
}

// createJail makes a jail of that name in the kernel, on a dataset of the hand's own.
func (m *Hand) createJail(ctx context.Context, name string, _ int) error {
	path, err := m.host.Mountpoint(ctx, m.away)
	if err != nil {
		return err
	}
	if err := m.touch(ctx, name); err != nil {
		return err
	}
	jid, err := m.host.Kernel.JailSet(ctx, kernel.JailCreate,
		kernel.String("name", m.identifier(name)), kernel.String("path", path), kernel.Bool("persist", true))
	if err != nil {
		return err
	}
	id, err := m.host.Kernel.JailIdentify(ctx, 0, kernel.ByJID(jid))
	if err != nil {
		return err
	}
	m.Jails[name] = id
	return m.save()
}

// removeOwnJail removes a jail that createJail made.
func (m *Hand) removeOwnJail(ctx context.Context, name string, _ int) error {
	id, ok := m.Jails[name]
	if !ok {
		return errNothing
	}
	delete(m.Jails, name)
	return errors.Join(m.save(), m.host.Kernel.JailRemove(ctx, id))
}
