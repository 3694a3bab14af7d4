package events

// Events of datasets and snapshots. The first two have the jail as their
// subject, the others the dataset or snapshot.

type (
	// JailZFSShare reports that datasets are shared with a jail; each has its own event below.
	JailZFSShare JailFields
	// ZFSDatasetCreate reports that a dataset is created.
	ZFSDatasetCreate DatasetFields
	// ZFSDatasetDestroy reports that a dataset is destroyed, including its snapshots and children.
	ZFSDatasetDestroy DatasetFields
	// ZFSSnapshotRollback reports that a dataset is rolled back to a snapshot.
	ZFSSnapshotRollback SnapshotFields
	// ZFSSnapshotDestroy reports that a snapshot is destroyed.
	ZFSSnapshotDestroy SnapshotFields
	// ZFSDatasetPromote reports that a clone becomes the owner of the snapshot it was cloned from, zfs-promote(8).
	ZFSDatasetPromote DatasetFields
)

// AttachZFSDataset reports that one dataset is attached to a jail, zfs-jail(8).
type AttachZFSDataset struct {
	Header  `json:"-"`
	Jail    string `json:"jail"`
	Dataset string `json:"dataset"`
}

// ZFSDatasetRename reports that a dataset is renamed.
type ZFSDatasetRename struct {
	Header  `json:"-"`
	Dataset string `json:"dataset"`
	NewName string `json:"new_name"`
}

// ZFSSnapshotCreate reports that a snapshot is taken.
type ZFSSnapshotCreate struct {
	Header    `json:"-"`
	Snapshot  string `json:"snapshot"` // dataset@name
	Recursive bool   `json:"recursive"`
}

// ZFSSnapshotClone reports that a snapshot is cloned to a dataset.
type ZFSSnapshotClone struct {
	Header   `json:"-"`
	Snapshot string `json:"snapshot"` // dataset@name
	Target   string `json:"target"`
}

// ZFSPropertySet reports that properties of a dataset are set, zfs-set(8).
type ZFSPropertySet struct {
	Header     `json:"-"`
	Dataset    string   `json:"dataset"`
	Properties []string `json:"properties"` // name=value; a bare name: inherited from now on
}
