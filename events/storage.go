package events

import "slices"

// Events of mounts. libioc derives TeardownSystemMounts from JailStop and tells
// of every unmount as MountFstab; here each is what its name says.

// BasejailStorageConfig tells that a basejail's shared folders are mounted, or
// unmounted.
type BasejailStorageConfig struct {
	Header      `json:"-"`
	Jail        string   `json:"jail"`
	Unmount     bool     `json:"unmount"`
	Mountpoints []string `json:"mountpoints"`
}

// Type returns "BasejailStorageConfig".
func (BasejailStorageConfig) Type() string { return "BasejailStorageConfig" }

// MarshalJSON returns the wire form, see [Marshal].
func (e BasejailStorageConfig) MarshalJSON() ([]byte, error) { return Marshal(e) }

func (e BasejailStorageConfig) with(h Header) IocEvent {
	e.Header = h
	e.Mountpoints = slices.Clone(e.Mountpoints)
	return e
}
func (e BasejailStorageConfig) subject() string { return e.Jail }

// MountDevFS tells that devfs(5) is mounted for a jail.
type MountDevFS struct {
	Header     `json:"-"`
	Jail       string `json:"jail"`
	Mountpoint string `json:"mountpoint"`
	Ruleset    int    `json:"ruleset"` // devfs_ruleset, 0 for none
}

// Type returns "MountDevFS".
func (MountDevFS) Type() string { return "MountDevFS" }

// MarshalJSON returns the wire form, see [Marshal].
func (e MountDevFS) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e MountDevFS) with(h Header) IocEvent       { e.Header = h; return e }
func (e MountDevFS) subject() string              { return e.Jail }

// MountFdescfs tells that fdescfs(5) is mounted for a jail.
type MountFdescfs struct {
	Header     `json:"-"`
	Jail       string `json:"jail"`
	Mountpoint string `json:"mountpoint"`
}

// Type returns "MountFdescfs".
func (MountFdescfs) Type() string { return "MountFdescfs" }

// MarshalJSON returns the wire form, see [Marshal].
func (e MountFdescfs) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e MountFdescfs) with(h Header) IocEvent       { e.Header = h; return e }
func (e MountFdescfs) subject() string              { return e.Jail }

// MountProcfs tells that procfs(5) is mounted for a jail.
type MountProcfs struct {
	Header     `json:"-"`
	Jail       string `json:"jail"`
	Mountpoint string `json:"mountpoint"`
}

// Type returns "MountProcfs".
func (MountProcfs) Type() string { return "MountProcfs" }

// MarshalJSON returns the wire form, see [Marshal].
func (e MountProcfs) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e MountProcfs) with(h Header) IocEvent       { e.Header = h; return e }
func (e MountProcfs) subject() string              { return e.Jail }

// MountLinprocfs tells that linprocfs(5) is mounted for a jail.
type MountLinprocfs struct {
	Header     `json:"-"`
	Jail       string `json:"jail"`
	Mountpoint string `json:"mountpoint"`
}

// Type returns "MountLinprocfs".
func (MountLinprocfs) Type() string { return "MountLinprocfs" }

// MarshalJSON returns the wire form, see [Marshal].
func (e MountLinprocfs) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e MountLinprocfs) with(h Header) IocEvent       { e.Header = h; return e }
func (e MountLinprocfs) subject() string              { return e.Jail }

// MountFstab tells that the lines of a jail's fstab(5) are mounted.
type MountFstab struct {
	Header      `json:"-"`
	Jail        string   `json:"jail"`
	Mountpoints []string `json:"mountpoints"` // in the order of mounting
}

// Type returns "MountFstab".
func (MountFstab) Type() string { return "MountFstab" }

// MarshalJSON returns the wire form, see [Marshal].
func (e MountFstab) MarshalJSON() ([]byte, error) { return Marshal(e) }

func (e MountFstab) with(h Header) IocEvent {
	e.Header = h
	e.Mountpoints = slices.Clone(e.Mountpoints)
	return e
}
func (e MountFstab) subject() string { return e.Jail }

// UnmountFstab tells that the lines of a jail's fstab(5) are unmounted.
type UnmountFstab struct {
	Header      `json:"-"`
	Jail        string   `json:"jail"`
	Mountpoints []string `json:"mountpoints"` // in the order of unmounting
}

// Type returns "UnmountFstab".
func (UnmountFstab) Type() string { return "UnmountFstab" }

// MarshalJSON returns the wire form, see [Marshal].
func (e UnmountFstab) MarshalJSON() ([]byte, error) { return Marshal(e) }

func (e UnmountFstab) with(h Header) IocEvent {
	e.Header = h
	e.Mountpoints = slices.Clone(e.Mountpoints)
	return e
}
func (e UnmountFstab) subject() string { return e.Jail }

// TeardownSystemMounts tells that what else is mounted below a jail's root is
// unmounted.
type TeardownSystemMounts struct {
	Header      `json:"-"`
	Jail        string   `json:"jail"`
	Mountpoints []string `json:"mountpoints"` // in the order of unmounting
}

// Type returns "TeardownSystemMounts".
func (TeardownSystemMounts) Type() string { return "TeardownSystemMounts" }

// MarshalJSON returns the wire form, see [Marshal].
func (e TeardownSystemMounts) MarshalJSON() ([]byte, error) { return Marshal(e) }

func (e TeardownSystemMounts) with(h Header) IocEvent {
	e.Header = h
	e.Mountpoints = slices.Clone(e.Mountpoints)
	return e
}
func (e TeardownSystemMounts) subject() string { return e.Jail }

// JailFstabUpdate tells that a jail's fstab(5) file is written.
type JailFstabUpdate struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
	File   string `json:"file"`
}

// Type returns "JailFstabUpdate".
func (JailFstabUpdate) Type() string { return "JailFstabUpdate" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailFstabUpdate) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailFstabUpdate) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailFstabUpdate) subject() string              { return e.Jail }
