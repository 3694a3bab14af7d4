package events

// JailFields has the fields of events about a jail as a whole. Event types with
// the same fields are declared from one such type.
type JailFields struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
}

// CommandFields has the fields of events of hooks and commands.
type CommandFields struct {
	Header   `json:"-"`
	Jail     string `json:"jail"`
	Command  string `json:"command"`   // as configured
	Stdout   string `json:"stdout"`    // whole, in the final event
	Stderr   string `json:"stderr"`    // whole, in the final event
	ExitCode int    `json:"exit_code"` // -1 if a signal ended it
}

// MountFields has the fields of events about one mount of a jail.
type MountFields struct {
	Header     `json:"-"`
	Jail       string `json:"jail"`
	Mountpoint string `json:"mountpoint"`
}

// MountsFields has the fields of events about several mounts of a jail.
type MountsFields struct {
	Header      `json:"-"`
	Jail        string   `json:"jail"`
	Mountpoints []string `json:"mountpoints"` // in the order of mounting or unmounting
}

// PackagesFields has the fields of events about packages in a jail.
type PackagesFields struct {
	Header   `json:"-"`
	Jail     string   `json:"jail"`
	Packages []string `json:"packages"` // names as pkg(8) takes them
}

// ReleaseFields has the fields of events about a release as a whole.
type ReleaseFields struct {
	Header  `json:"-"`
	Release string `json:"release"`
}

// ResourceFields has the fields of events about a jail or release.
type ResourceFields struct {
	Header   `json:"-"`
	Resource string `json:"resource"`
}

// StreamFields has the fields of events about a jail's data stream.
type StreamFields struct {
	Header   `json:"-"`
	Resource string `json:"resource"`
	Bytes    int64  `json:"bytes"` // so far
}

// DatasetFields has the fields of events about a dataset.
type DatasetFields struct {
	Header  `json:"-"`
	Dataset string `json:"dataset"`
}

// SnapshotFields has the fields of events about a snapshot.
type SnapshotFields struct {
	Header   `json:"-"`
	Snapshot string `json:"snapshot"` // dataset@name
}
