package hosttest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/ignore"
	"github.com/libioc/go-libioc/internal/pathname"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// noteProperty is a user property of every dataset that a hand has made; its value
// is also the text of the dataset's files.
const noteProperty = "org.example:note"

// madeProperty is what an operation marks its own with.
const madeProperty = "org.freebsd.ioc:made"

// A Hand is an administrator who works on a host without the library: he destroys
// jails' datasets, moves them away and back, makes others of the same names, and
// removes jails and mounts. A dataset that he made, and one that he moved out of the
// source, are his own: no operation and no recovery may destroy, rename, unmount or
// change them. One that he made in a jail's place has a configuration that cannot be
// read, so that no operation on a jail of that name can be meant for it.
//
// All methods may be called by several goroutines, and wait for each other.
type Hand struct {
	mu     sync.Mutex
	host   *host.Host
	source host.Source
	names  []string
	away   string // the dataset that holds what was moved away
	*ledger
}

// NewHand returns a hand that works on the jails of these names. The ledger is a
// file, which is made when it does not exist; a hand that was killed goes on with
// it. Nothing but this hand may work below the dataset away, which is made too.
func NewHand(ctx context.Context, h *host.Host, source host.Source, away, ledger string, names ...string) (*Hand, error) {
	l, err := openLedger(ledger)
	if err != nil {
		return nil, err
	}
	err = h.Store.Create(ctx, away, zfsstore.CreateOptions{Parents: true})
	if err != nil && !errors.Is(err, zfsstore.ErrExists) {
		return nil, err
	}
	hand := &Hand{host: h, source: source, names: names, away: away, ledger: l}
	boot, err := h.Kernel.BootID(ctx)
	if err != nil {
		return nil, err
	}
	if boot != l.Boot {
		l.Boot = boot
		clear(l.Jails)
	}
	if l.Acting != "" { // killed while it changed this
		if err := hand.settle(ctx); err != nil {
			return nil, err
		}
	}
	return hand, errors.Join(hand.adoptJails(ctx), l.save())
}

// adoptJails enters jails that were made just before the hand was killed.
func (m *Hand) adoptJails(ctx context.Context) error {
	path, err := m.host.Mountpoint(ctx, m.away)
	if err != nil {
		return err
	}
	for _, name := range m.names {
		id, err := m.host.Kernel.JailIdentify(ctx, 0, kernel.ByName(m.identifier(name)))
		if errors.Is(err, kernel.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		p, err := m.host.Kernel.JailGet(ctx, 0, kernel.ByJID(id.JID), "path")
		if _, known := m.Jails[name]; err == nil && !known && p.String("path") == path {
			m.Jails[name] = id
		}
	}
	return nil
}

func (m *Hand) place(name string) string { return m.source.Jails() + "/" + name }

// tree lists a dataset and all below it with snapshots; nothing if it does not exist.
func (m *Hand) tree(ctx context.Context, dataset string) ([]zfsstore.Dataset, error) {
	all, err := m.host.Store.List(ctx, dataset, zfsstore.ListOptions{
		Types:      []zfsstore.Type{zfsstore.Filesystem, zfsstore.Snapshot},
		Properties: []string{noteProperty, madeProperty},
	})
	if errors.Is(err, zfsstore.ErrNotFound) {
		return nil, nil
	}
	return all, err
}

// made returns the text of a dataset that a hand has made.
func made(d zfsstore.Dataset) (text string, ok bool) {
	p, ok := d.Properties[noteProperty]
	return p.Value, ok && p.Source == zfsstore.SourceLocal
}

// mine reports whether a dataset is the hand's own.
func (m *Hand) mine(d zfsstore.Dataset) bool {
	_, own := m.Own[d.GUID]
	_, noted := made(d)
	return own || noted || pathname.Within(d.Name, m.away)
}

// act runs a change of a dataset and those below it. In the meantime they are
// nobody's: a kill may come before the change, or after it.
func (m *Hand) act(ctx context.Context, dataset string, change func() error) error {
	found, err := m.differences(ctx, func(o object) bool { return under(o.Name, dataset) })
	if err != nil {
		return err
	}
	m.Found = append(m.Found, found...)
	for guid, o := range m.Own {
		if under(o.Name, dataset) {
			delete(m.Own, guid)
		}
	}
	m.Acting = dataset
	if err := m.save(); err != nil {
		return err
	}
	err = change()
	return errors.Join(err, m.settle(ctx))
}

// under reports whether a dataset or a snapshot is of a dataset or below it.
func under(name, dataset string) bool {
	name, _, _ = strings.Cut(name, "@")
	return pathname.Within(name, dataset)
}

// settle enters into the ledger what the hand has by now.
func (m *Hand) settle(ctx context.Context) error {
	for _, top := range []string{m.away, m.source.Jails()} {
		all, err := m.tree(ctx, top)
		if err != nil {
			return err
		}
		tops := []string{m.away}
		for _, d := range all {
			text, ok := made(d)
			if ok && d.Type == zfsstore.Filesystem {
				tops = append(tops, d.Name)
			}
			_, known := m.Own[d.GUID]
			inside := slices.ContainsFunc(tops, func(top string) bool { return under(d.Name, top) })
			// Other snapshots are of operations on the jail that was here before, or
			// what jails were cloned from and a promotion takes along.
			ours := d.Type != zfsstore.Snapshot || strings.Contains(d.Name, "@"+snapshotPrefix)
			// So is what an operation has made below in this moment, and takes back.
			if d.Properties[madeProperty].Source == zfsstore.SourceLocal && !under(d.Name, m.away) {
				ours = false
			}
			if known || d.Name == m.away || !inside || !ours {
				continue
			}
			o := object{Name: d.Name}
			// The files may be missing if the hand was killed before it wrote them.
			if ok && d.Mounted && len(changed(d, text)) == 0 {
				o.Text = text
			}
			m.Own[d.GUID] = o
		}
	}
	m.Acting = ""
	return m.save()
}

// create makes a dataset of the hand's own. It is made elsewhere and gets its name once
// it has its files: without a configuration it would be an empty jail, which an
// operation may be meant for.
func (m *Hand) create(ctx context.Context, dataset string) error {
	m.Next++
	text := fmt.Sprintf("made by hand %d", m.Next)
	draft := fmt.Sprintf("%s/draft-%d", m.away, m.Next)
	return m.act(ctx, dataset, func() error {
		err := m.host.Store.Create(ctx, draft, zfsstore.CreateOptions{Properties: map[string]string{noteProperty: text}})
		if err != nil {
			return err
		}
		path, err := m.host.Mountpoint(ctx, draft)
		if err == nil {
			err = errors.Join(
				os.WriteFile(filepath.Join(path, "note"), []byte(text), 0o644),
				os.WriteFile(filepath.Join(path, config.JSONFile), []byte(text), 0o644), // no JSON
			)
		}
		if err == nil {
			err = m.host.Store.Rename(ctx, draft, dataset, zfsstore.RenameOptions{})
		}
		if err != nil {
			err = errors.Join(err, m.host.Store.Destroy(ctx, draft, zfsstore.DestroyOptions{}))
		}
		return err
	})
}

// MadeByHand reports whether a hand has made the dataset in a jail's place. An
// operation on that jail is not meant for it. It waits for no act of a hand.
func MadeByHand(ctx context.Context, j *jail.Jail) (bool, error) {
	d, err := j.Host().Store.Get(ctx, j.Dataset(), zfsstore.GetOptions{Properties: []string{noteProperty}})
	_, ok := made(d)
	return ok, ignore.Err(err, zfsstore.ErrNotFound)
}

// Foreign reports whether a dataset is the hand's own, for [Options].
func (m *Hand) Foreign(d zfsstore.Dataset) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, own := m.Own[d.GUID]
	return own
}

// Touch says that something of a jail was changed by hand in another way: [Hand.Tidy]
// looks at it too.
func (m *Hand) Touch(ctx context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.touch(ctx, name)
}

func (m *Hand) touch(ctx context.Context, name string) error {
	m.Touched[name] = true
	d, err := m.host.Store.Get(ctx, m.place(name), zfsstore.GetOptions{})
	if err == nil {
		m.TouchedSets[d.GUID] = true
	}
	return errors.Join(ignore.Err(err, zfsstore.ErrNotFound), m.save())
}

// Holdings returns the names of the datasets and snapshots that are the hand's own,
// sorted.
func (m *Hand) Holdings() (names []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for o := range maps.Values(m.Own) {
		names = append(names, o.Name)
	}
	slices.Sort(names)
	return names
}

func (m *Hand) identifier(name string) string { return jail.Identifier(m.source, name) }
