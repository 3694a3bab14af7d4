package host

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/libioc/go-libioc/zfsstore"
)

// PoolStatus is an imported pool and whether jails are kept on it.
type PoolStatus struct {
	zfsstore.Pool
	// Active reports whether ActiveProperty is set on the pool's root dataset
	// itself, to yes, true, on or 1.
	Active bool
}

// Usable reports whether the pool works, even if degraded. An unusable pool is never
// the active one.
func (p PoolStatus) Usable() bool { return p.Health == "ONLINE" || p.Health == "DEGRADED" }

func (p PoolStatus) writable() bool { return p.Usable() && !p.ReadOnly }

func (p PoolStatus) state() string {
	if p.ReadOnly {
		return p.Health + ", read-only"
	}
	return p.Health
}

// Pools lists the imported pools by name.
func (h *Host) Pools(ctx context.Context) ([]PoolStatus, error) {
	pools, err := h.Store.Pools(ctx)
	if err != nil || len(pools) == 0 {
		return nil, err
	}
	sets, err := h.Store.List(ctx, "", zfsstore.ListOptions{
		Depth:      1,
		Types:      []zfsstore.Type{zfsstore.Filesystem},
		Properties: []string{ActiveProperty},
	})
	if err != nil {
		return nil, err
	}
	active := map[string]bool{}
	for _, d := range sets {
		p := d.Properties[ActiveProperty]
		active[d.Name] = p.Source == zfsstore.SourceLocal && truthy(p.Value)
	}
	var out []PoolStatus
	for _, p := range pools {
		out = append(out, PoolStatus{Pool: p, Active: active[p.Name]})
	}
	return out, nil
}

// SourceState says whether a source can be used, or why not.
type SourceState string

// The states of a source.
const (
	SourceReady       SourceState = "ready"
	SourceDegraded    SourceState = "degraded"    // usable, but a disk of the pool is not
	SourceUnavailable SourceState = "unavailable" // the pool is faulted, suspended or not imported
	SourceReadOnly    SourceState = "read-only"   // the pool was imported read-only
	SourceLocked      SourceState = "locked"      // encrypted, and its key is not loaded
	SourceMissing     SourceState = "missing"     // the dataset does not exist; the first fetch or create makes it
	SourceUnmounted   SourceState = "unmounted"   // the dataset is not mounted
)

// SourceStatus is the state of one source.
type SourceStatus struct {
	Source
	State SourceState
	// Remedy is what the operator can do about it; empty if ready.
	Remedy string
	// Below lists datasets of the source that are locked or not mounted although
	// the source itself is ready, such as a jail with another key.
	Below []DatasetStatus
}

// DatasetStatus is a dataset that cannot be used.
type DatasetStatus struct {
	Dataset string
	State   SourceState // SourceLocked or SourceUnmounted
}

// SourceStatuses returns for each source whether it can be used. (libioc hides jails
// on a locked dataset.)
func (h *Host) SourceStatuses(ctx context.Context) ([]SourceStatus, error) {
	sources, err := h.Sources(ctx)
	if err != nil {
		return nil, err
	}
	pools, err := h.Store.Pools(ctx)
	if err != nil {
		return nil, err
	}
	byName := map[string]PoolStatus{}
	for _, p := range pools {
		byName[p.Name] = PoolStatus{Pool: p}
	}
	var out []SourceStatus
	for _, s := range sources {
		st, err := h.sourceStatus(ctx, s, byName)
		if err != nil {
			return out, fmt.Errorf("source %s: %w", s.Name, err)
		}
		out = append(out, st)
	}
	return out, nil
}

func (h *Host) sourceStatus(ctx context.Context, s Source, pools map[string]PoolStatus) (SourceStatus, error) {
	st := SourceStatus{Source: s}
	name, _, _ := strings.Cut(s.Dataset, "/")
	pool, imported := pools[name]
	switch {
	case !imported:
		st.State, st.Remedy = SourceUnavailable, "zpool import "+name
		return st, nil
	case !pool.Usable():
		st.State, st.Remedy = SourceUnavailable, "pool is "+pool.Health+": zpool status -x "+name
		return st, nil
	}
	sets, err := h.Store.List(ctx, s.Dataset, zfsstore.ListOptions{
		Types: []zfsstore.Type{zfsstore.Filesystem}, Properties: []string{"encryption", "canmount"},
	})
	switch {
	case errors.Is(err, zfsstore.ErrNotFound):
		st.State, st.Remedy = SourceMissing, "zfs create -p "+s.Dataset
		return st, nil
	case err != nil:
		return st, err
	}
	for _, d := range sets {
		state, err := h.datasetState(ctx, d)
		if err != nil {
			return st, err
		}
		switch {
		case d.Name == s.Dataset:
			st.State = state
		case state != SourceReady:
			st.Below = append(st.Below, DatasetStatus{d.Name, state})
		}
	}
	switch {
	case st.State == SourceLocked:
		st.Remedy, st.Below = "zfs load-key -r "+s.Dataset+" && zfs mount -a", nil
	case st.State == SourceUnmounted:
		st.Remedy, st.Below = "zfs mount "+s.Dataset, nil
	case pool.ReadOnly:
		st.State, st.Remedy = SourceReadOnly, "import "+name+" without readonly=on"
	case pool.Health == "DEGRADED":
		st.State, st.Remedy = SourceDegraded, "zpool status -x "+name
	}
	return st, nil
}

func (h *Host) datasetState(ctx context.Context, d zfsstore.Dataset) (SourceState, error) {
	if d.Mounted {
		return SourceReady, nil
	}
	// Only an encrypted dataset has a keystatus, zfsprops(7).
	if e := d.Properties["encryption"].Value; e != "" && e != "off" {
		key, err := h.Store.Get(ctx, d.Name, zfsstore.GetOptions{Properties: []string{"keystatus"}})
		if err != nil || key.Properties["keystatus"].Value == "unavailable" {
			return SourceLocked, err
		}
	}
	if d.Mountpoint == "" || d.Properties["canmount"].Value != "on" {
		return SourceReady, nil // not meant to be mounted
	}
	return SourceUnmounted, nil
}
