package events

import "slices"

// Events of export and import. All identify by the resource, a jail, or by the
// dataset below it. Bytes count what was written or read so far.

// ResourceBackup tells that a jail is exported or imported; the steps are
// below it.
type ResourceBackup struct {
	Header   `json:"-"`
	Resource string `json:"resource"`
}

// Type returns "ResourceBackup".
func (ResourceBackup) Type() string { return "ResourceBackup" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ResourceBackup) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ResourceBackup) with(h Header) IocEvent       { e.Header = h; return e }
func (e ResourceBackup) subject() string              { return e.Resource }

// ExportConfig tells that the configuration is written to the backup.
type ExportConfig struct {
	Header   `json:"-"`
	Resource string `json:"resource"`
}

// Type returns "ExportConfig".
func (ExportConfig) Type() string { return "ExportConfig" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ExportConfig) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ExportConfig) with(h Header) IocEvent       { e.Header = h; return e }
func (e ExportConfig) subject() string              { return e.Resource }

// ExportFstab tells that the fstab(5) file is written to the backup.
type ExportFstab struct {
	Header   `json:"-"`
	Resource string `json:"resource"`
}

// Type returns "ExportFstab".
func (ExportFstab) Type() string { return "ExportFstab" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ExportFstab) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ExportFstab) with(h Header) IocEvent       { e.Header = h; return e }
func (e ExportFstab) subject() string              { return e.Resource }

// ExportRootDataset tells how far the root dataset is exported.
type ExportRootDataset struct {
	Header   `json:"-"`
	Resource string `json:"resource"`
	Bytes    int64  `json:"bytes"` // so far
}

// Type returns "ExportRootDataset".
func (ExportRootDataset) Type() string { return "ExportRootDataset" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ExportRootDataset) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ExportRootDataset) with(h Header) IocEvent       { e.Header = h; return e }
func (e ExportRootDataset) subject() string              { return e.Resource }

// ExportOtherDatasets tells that the other datasets are exported; each has its
// own event below.
type ExportOtherDatasets struct {
	Header   `json:"-"`
	Resource string `json:"resource"`
}

// Type returns "ExportOtherDatasets".
func (ExportOtherDatasets) Type() string { return "ExportOtherDatasets" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ExportOtherDatasets) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ExportOtherDatasets) with(h Header) IocEvent       { e.Header = h; return e }
func (e ExportOtherDatasets) subject() string              { return e.Resource }

// ExportOtherDataset tells how far one more dataset is exported, zfs-send(8).
type ExportOtherDataset struct {
	Header   `json:"-"`
	Resource string   `json:"resource"`
	Dataset  string   `json:"dataset"` // relative to the resource's
	Flags    []string `json:"flags"`   // of zfs-send(8)
	Bytes    int64    `json:"bytes"`   // so far
}

// Type returns "ExportOtherDataset".
func (ExportOtherDataset) Type() string { return "ExportOtherDataset" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ExportOtherDataset) MarshalJSON() ([]byte, error) { return Marshal(e) }

func (e ExportOtherDataset) with(h Header) IocEvent {
	e.Header = h
	e.Flags = slices.Clone(e.Flags)
	return e
}
func (e ExportOtherDataset) subject() string { return join(e.Resource, e.Dataset) }

// BundleBackup tells how far the backup is written to one archive.
type BundleBackup struct {
	Header      `json:"-"`
	Resource    string `json:"resource"`
	Destination string `json:"destination"`
	Bytes       int64  `json:"bytes"` // so far
}

// Type returns "BundleBackup".
func (BundleBackup) Type() string { return "BundleBackup" }

// MarshalJSON returns the wire form, see [Marshal].
func (e BundleBackup) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e BundleBackup) with(h Header) IocEvent       { e.Header = h; return e }
func (e BundleBackup) subject() string              { return e.Resource }

// ExtractBundle tells how far the archive of a backup is extracted.
type ExtractBundle struct {
	Header      `json:"-"`
	Resource    string `json:"resource"`
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Bytes       int64  `json:"bytes"` // so far
}

// Type returns "ExtractBundle".
func (ExtractBundle) Type() string { return "ExtractBundle" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ExtractBundle) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ExtractBundle) with(h Header) IocEvent       { e.Header = h; return e }
func (e ExtractBundle) subject() string              { return e.Resource }

// ImportConfig tells that the configuration is read from the backup.
type ImportConfig struct {
	Header   `json:"-"`
	Resource string `json:"resource"`
}

// Type returns "ImportConfig".
func (ImportConfig) Type() string { return "ImportConfig" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ImportConfig) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ImportConfig) with(h Header) IocEvent       { e.Header = h; return e }
func (e ImportConfig) subject() string              { return e.Resource }

// ImportFstab tells that the fstab(5) file is read from the backup.
type ImportFstab struct {
	Header   `json:"-"`
	Resource string `json:"resource"`
}

// Type returns "ImportFstab".
func (ImportFstab) Type() string { return "ImportFstab" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ImportFstab) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ImportFstab) with(h Header) IocEvent       { e.Header = h; return e }
func (e ImportFstab) subject() string              { return e.Resource }

// ImportRootDataset tells how far the root dataset is imported.
type ImportRootDataset struct {
	Header   `json:"-"`
	Resource string `json:"resource"`
	Bytes    int64  `json:"bytes"` // so far
}

// Type returns "ImportRootDataset".
func (ImportRootDataset) Type() string { return "ImportRootDataset" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ImportRootDataset) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ImportRootDataset) with(h Header) IocEvent       { e.Header = h; return e }
func (e ImportRootDataset) subject() string              { return e.Resource }

// ImportOtherDatasets tells that the other datasets are imported; each has its
// own event below.
type ImportOtherDatasets struct {
	Header   `json:"-"`
	Resource string `json:"resource"`
}

// Type returns "ImportOtherDatasets".
func (ImportOtherDatasets) Type() string { return "ImportOtherDatasets" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ImportOtherDatasets) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ImportOtherDatasets) with(h Header) IocEvent       { e.Header = h; return e }
func (e ImportOtherDatasets) subject() string              { return e.Resource }

// ImportOtherDataset tells how far one more dataset is imported, zfs-
// receive(8).
type ImportOtherDataset struct {
	Header   `json:"-"`
	Resource string `json:"resource"`
	Dataset  string `json:"dataset"` // relative to the resource's
	Bytes    int64  `json:"bytes"`   // so far
}

// Type returns "ImportOtherDataset".
func (ImportOtherDataset) Type() string { return "ImportOtherDataset" }

// MarshalJSON returns the wire form, see [Marshal].
func (e ImportOtherDataset) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e ImportOtherDataset) with(h Header) IocEvent       { e.Header = h; return e }
func (e ImportOtherDataset) subject() string              { return join(e.Resource, e.Dataset) }
