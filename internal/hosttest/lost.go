package hosttest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// Lost returns what somebody else has destroyed, renamed, unmounted or changed of
// the hand's own, one sentence each.
func (m *Hand) Lost(ctx context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	lost, err := m.differences(ctx, func(object) bool { return true })
	if err != nil {
		return nil, err
	}
	for name, id := range m.Jails {
		now, err := m.host.Kernel.JailIdentify(ctx, 0, kernel.ByName(id.Name))
		switch {
		case errors.Is(err, kernel.ErrNotFound) || err == nil && now != id:
			lost = append(lost, fmt.Sprintf("jail %s of the hand, on %s, is gone", id, name))
		case err != nil:
			return nil, err
		}
	}
	return slices.Concat(m.Found, lost), nil
}

// differences compares what is the hand's own with the ledger.
func (m *Hand) differences(ctx context.Context, wanted func(object) bool) (lost []string, err error) {
	pool, _, _ := strings.Cut(m.source.Dataset, "/")
	all, err := m.tree(ctx, pool)
	if err != nil {
		return nil, err
	}
	now := map[uint64]zfsstore.Dataset{}
	for _, d := range all {
		now[d.GUID] = d
	}
	for guid, o := range m.Own {
		if !wanted(o) {
			continue
		}
		switch d, ok := now[guid]; {
		case !ok:
			lost = append(lost, fmt.Sprintf("%s (guid %d) is gone", o.Name, guid))
		case d.Name != o.Name:
			lost = append(lost, fmt.Sprintf("%s (guid %d) is called %s", o.Name, guid, d.Name))
		case o.Text != "" && !d.Mounted:
			lost = append(lost, fmt.Sprintf("%s (guid %d) is not mounted", o.Name, guid))
		case o.Text != "":
			lost = append(lost, changed(d, o.Text)...)
		}
	}
	slices.Sort(lost)
	return lost, nil
}

// changed compares the files of a dataset that a hand has made.
func changed(d zfsstore.Dataset, text string) (lost []string) {
	entries, err := os.ReadDir(d.Mountpoint)
	if err != nil {
		lost = append(lost, err.Error())
	}
	for _, e := range entries {
		if !slices.Contains([]string{"note", config.JSONFile, ".zfs"}, e.Name()) {
			lost = append(lost, fmt.Sprintf("%s has a file %s", d.Name, e.Name()))
		}
	}
	for _, name := range []string{"note", config.JSONFile} {
		if data, err := os.ReadFile(filepath.Join(d.Mountpoint, name)); string(data) != text {
			lost = append(lost, fmt.Sprintf("%s: %s holds %q in place of %q: %v", d.Name, name, data, text, err))
		}
	}
	return lost
}
