package events

// Events of mounts. libioc derives TeardownSystemMounts from JailStop and reports
// every unmount as MountFstab; here each is what its name says.

type (
	// MountFdescfs reports that fdescfs(5) is mounted for a jail.
	MountFdescfs MountFields
	// MountProcfs reports that procfs(5) is mounted for a jail.
	MountProcfs MountFields
	// MountLinprocfs reports that linprocfs(5) is mounted for a jail.
	MountLinprocfs MountFields
	// MountFstab reports that the lines of a jail's fstab(5) are mounted.
	MountFstab MountsFields
	// UnmountFstab reports that the lines of a jail's fstab(5) are unmounted.
	UnmountFstab MountsFields
	// TeardownSystemMounts reports that everything else below a jail's root is unmounted.
	TeardownSystemMounts MountsFields
)

// BasejailStorageConfig reports that a basejail's shared folders are mounted, or
// unmounted.
type BasejailStorageConfig struct {
	Header      `json:"-"`
	Jail        string   `json:"jail"`
	Unmount     bool     `json:"unmount"`
	Mountpoints []string `json:"mountpoints"`
}

// MountDevFS reports that devfs(5) is mounted for a jail.
type MountDevFS struct {
	Header     `json:"-"`
	Jail       string `json:"jail"`
	Mountpoint string `json:"mountpoint"`
	Ruleset    int    `json:"ruleset"` // devfs_ruleset, 0 for none
}

// JailFstabUpdate reports that a jail's fstab(5) file is written.
type JailFstabUpdate struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
	File   string `json:"file"`
}
