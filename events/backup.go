package events

// Events of export and import. Their subject is the resource, a jail, or a dataset
// below it. Bytes counts what was written or read so far.

type (
	// ResourceBackup reports that a jail is exported or imported; the steps are below it.
	ResourceBackup ResourceFields
	// ExportConfig reports that the configuration is written to the backup.
	ExportConfig ResourceFields
	// ExportFstab reports that the fstab(5) file is written to the backup.
	ExportFstab ResourceFields
	// ExportRootDataset reports how much of the root dataset is exported.
	ExportRootDataset StreamFields
	// ExportOtherDatasets reports that the other datasets are exported; each has its own event below.
	ExportOtherDatasets ResourceFields
	// ImportConfig reports that the configuration is read from the backup.
	ImportConfig ResourceFields
	// ImportFstab reports that the fstab(5) file is read from the backup.
	ImportFstab ResourceFields
	// ImportRootDataset reports how much of the root dataset is imported.
	ImportRootDataset StreamFields
	// ImportOtherDatasets reports that the other datasets are imported; each has its own event below.
	ImportOtherDatasets ResourceFields
)

// ExportOtherDataset reports how much of one more dataset is exported, zfs-send(8).
type ExportOtherDataset struct {
	Header   `json:"-"`
	Resource string   `json:"resource"`
	Dataset  string   `json:"dataset"` // relative to the resource's
	Flags    []string `json:"flags"`   // of zfs-send(8)
	Bytes    int64    `json:"bytes"`   // so far
}

// BundleBackup reports how much of the backup is written to one archive.
type BundleBackup struct {
	Header      `json:"-"`
	Resource    string `json:"resource"`
	Destination string `json:"destination"`
	Bytes       int64  `json:"bytes"` // so far
}

// ExtractBundle reports how much of a backup's archive is extracted.
type ExtractBundle struct {
	Header      `json:"-"`
	Resource    string `json:"resource"`
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Bytes       int64  `json:"bytes"` // so far
}

// ImportOtherDataset reports how much of one more dataset is imported,
// zfs-receive(8).
type ImportOtherDataset struct {
	Header   `json:"-"`
	Resource string `json:"resource"`
	Dataset  string `json:"dataset"` // relative to the resource's
	Bytes    int64  `json:"bytes"`   // so far
}
