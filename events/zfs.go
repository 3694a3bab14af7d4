package events

import "slices"

// Events of datasets and snapshots. All but the first three identify by the
// dataset or snapshot.

// JailZFSShare tells that datasets are shared with a jail; each has its own
// event below.
type JailZFSShare struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
}

// Type returns "JailZFSShare".
func (JailZFSShare) Type() string { return "JailZFSShare" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailZFSShare) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailZFSShare) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailZFSShare) subject() string              { return e.Jail }

// AttachZFSDataset tells that one dataset is given to a jail, zfs-jail(8).
type AttachZFSDataset struct {
	Header  `json:"-"`
	Jail    string `json:"jail"`
	Dataset string `json:"dataset"`
}

// Type returns "AttachZFSDataset".
func (AttachZFSDataset) Type() string { return "AttachZFSDataset" }

// MarshalJSON returns the wire form, see [Marshal].
func (e AttachZFSDataset) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e AttachZFSDataset) with(h Header) IocEvent       { e.Header = h; return e }
func (e AttachZFSDataset) subject() string              { return e.Jail }

// DetachZFSDataset tells that one dataset is taken from a jail, zfs-unjail(8).
type DetachZFSDataset struct {
	Header  `json:"-"`
	Jail    string `json:"jail"`
	Dataset string `json:"dataset"`
}

// Type returns "DetachZFSDataset".
func (DetachZFSDataset) Type() string { return "DetachZFSDataset" }

// MarshalJSON returns the wire form, see [Marshal].
func (e DetachZFSDataset) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e DetachZFSDataset) with(h Header) IocEvent       { e.Header = h; return e }
func (e DetachZFSDataset) subject() string              { return e.Jail }

// ZFSDatasetCreate tells that a dataset is created.
type ZFSDatasetCreate struct {
	Header  `json:"-"`
	Dataset string `json:"dataset"`
}

// Type returns "ZFSDatasetCreate".
func (ZFSDatasetCreate) Type() string { return "ZFSDatasetCreate" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ZFSDatasetCreate) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ZFSDatasetCreate) with(h Header) IocEvent       { e.Header = h; return e }
func (e ZFSDatasetCreate) subject() string              { return e.Dataset }

// ZFSDatasetRename tells that a dataset gets another name.
type ZFSDatasetRename struct {
	Header  `json:"-"`
	Dataset string `json:"dataset"`
	NewName string `json:"new_name"`
}

// Type returns "ZFSDatasetRename".
func (ZFSDatasetRename) Type() string { return "ZFSDatasetRename" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ZFSDatasetRename) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ZFSDatasetRename) with(h Header) IocEvent       { e.Header = h; return e }
func (e ZFSDatasetRename) subject() string              { return e.Dataset }

// ZFSDatasetDestroy tells that a dataset is destroyed with its snapshots and
// children.
type ZFSDatasetDestroy struct {
	Header  `json:"-"`
	Dataset string `json:"dataset"`
}

// Type returns "ZFSDatasetDestroy".
func (ZFSDatasetDestroy) Type() string { return "ZFSDatasetDestroy" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ZFSDatasetDestroy) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ZFSDatasetDestroy) with(h Header) IocEvent       { e.Header = h; return e }
func (e ZFSDatasetDestroy) subject() string              { return e.Dataset }

// ZFSSnapshotCreate tells that a snapshot is taken.
type ZFSSnapshotCreate struct {
	Header    `json:"-"`
	Snapshot  string `json:"snapshot"` // dataset@name
	Recursive bool   `json:"recursive"`
}

// Type returns "ZFSSnapshotCreate".
func (ZFSSnapshotCreate) Type() string { return "ZFSSnapshotCreate" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ZFSSnapshotCreate) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ZFSSnapshotCreate) with(h Header) IocEvent       { e.Header = h; return e }
func (e ZFSSnapshotCreate) subject() string              { return e.Snapshot }

// ZFSSnapshotRename tells that a snapshot gets another name.
type ZFSSnapshotRename struct {
	Header   `json:"-"`
	Snapshot string `json:"snapshot"` // dataset@name
	NewName  string `json:"new_name"` // dataset@name
}

// Type returns "ZFSSnapshotRename".
func (ZFSSnapshotRename) Type() string { return "ZFSSnapshotRename" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ZFSSnapshotRename) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ZFSSnapshotRename) with(h Header) IocEvent       { e.Header = h; return e }
func (e ZFSSnapshotRename) subject() string              { return e.Snapshot }

// ZFSSnapshotClone tells that a snapshot is cloned to a dataset.
type ZFSSnapshotClone struct {
	Header   `json:"-"`
	Snapshot string `json:"snapshot"` // dataset@name
	Target   string `json:"target"`
}

// Type returns "ZFSSnapshotClone".
func (ZFSSnapshotClone) Type() string { return "ZFSSnapshotClone" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ZFSSnapshotClone) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ZFSSnapshotClone) with(h Header) IocEvent       { e.Header = h; return e }
func (e ZFSSnapshotClone) subject() string              { return e.Snapshot }

// ZFSSnapshotRollback tells that a dataset goes back to a snapshot.
type ZFSSnapshotRollback struct {
	Header   `json:"-"`
	Snapshot string `json:"snapshot"` // dataset@name
}

// Type returns "ZFSSnapshotRollback".
func (ZFSSnapshotRollback) Type() string { return "ZFSSnapshotRollback" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ZFSSnapshotRollback) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ZFSSnapshotRollback) with(h Header) IocEvent       { e.Header = h; return e }
func (e ZFSSnapshotRollback) subject() string              { return e.Snapshot }

// ZFSSnapshotDestroy tells that a snapshot is destroyed.
type ZFSSnapshotDestroy struct {
	Header   `json:"-"`
	Snapshot string `json:"snapshot"` // dataset@name
}

// Type returns "ZFSSnapshotDestroy".
func (ZFSSnapshotDestroy) Type() string { return "ZFSSnapshotDestroy" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ZFSSnapshotDestroy) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ZFSSnapshotDestroy) with(h Header) IocEvent       { e.Header = h; return e }
func (e ZFSSnapshotDestroy) subject() string              { return e.Snapshot }

// ZFSDatasetPromote tells that a clone becomes the owner of the snapshot it was
// cloned from, zfs-promote(8).
type ZFSDatasetPromote struct {
	Header  `json:"-"`
	Dataset string `json:"dataset"`
}

// Type returns "ZFSDatasetPromote".
func (ZFSDatasetPromote) Type() string { return "ZFSDatasetPromote" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ZFSDatasetPromote) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ZFSDatasetPromote) with(h Header) IocEvent       { e.Header = h; return e }
func (e ZFSDatasetPromote) subject() string              { return e.Dataset }

// ZFSPropertySet tells that properties of a dataset are set, zfs-set(8).
type ZFSPropertySet struct {
	Header     `json:"-"`
	Dataset    string   `json:"dataset"`
	Properties []string `json:"properties"` // name=value; a bare name is inherited from now on
}

// Type returns "ZFSPropertySet".
func (ZFSPropertySet) Type() string { return "ZFSPropertySet" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ZFSPropertySet) MarshalJSON() ([]byte, error) { return Marshal(e) }

func (e ZFSPropertySet) with(h Header) IocEvent {
	e.Header = h
	e.Properties = slices.Clone(e.Properties)
	return e
}
func (e ZFSPropertySet) subject() string { return e.Dataset }
