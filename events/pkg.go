package events

import "slices"

// Events of packages.

// PackageFetch tells that packages are fetched to the host's cache, pkg-
// fetch(8).
type PackageFetch struct {
	Header   `json:"-"`
	Packages []string `json:"packages"` // names as pkg(8) takes them
}

// Type returns "PackageFetch".
func (PackageFetch) Type() string { return "PackageFetch" }

// MarshalJSON returns the wire form, see [Marshal].
func (e PackageFetch) MarshalJSON() ([]byte, error) { return Marshal(e) }

func (e PackageFetch) with(h Header) IocEvent {
	e.Header = h
	e.Packages = slices.Clone(e.Packages)
	return e
}
func (PackageFetch) subject() string { return "global" }

// PackageConfiguration tells that a jail's package repository is configured,
// pkg.conf(5).
type PackageConfiguration struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
}

// Type returns "PackageConfiguration".
func (PackageConfiguration) Type() string { return "PackageConfiguration" }

// MarshalJSON returns the wire form, see [Marshal].
func (e PackageConfiguration) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e PackageConfiguration) with(h Header) IocEvent       { e.Header = h; return e }
func (e PackageConfiguration) subject() string              { return e.Jail }

// BootstrapPkg tells that pkg(8) itself is installed in a jail.
type BootstrapPkg struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
}

// Type returns "BootstrapPkg".
func (BootstrapPkg) Type() string { return "BootstrapPkg" }

// MarshalJSON returns the wire form, see [Marshal].
func (e BootstrapPkg) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e BootstrapPkg) with(h Header) IocEvent       { e.Header = h; return e }
func (e BootstrapPkg) subject() string              { return e.Jail }

// PackageInstall tells that packages are installed in a jail, pkg-install(8).
type PackageInstall struct {
	Header   `json:"-"`
	Jail     string   `json:"jail"`
	Packages []string `json:"packages"` // names as pkg(8) takes them
}

// Type returns "PackageInstall".
func (PackageInstall) Type() string { return "PackageInstall" }

// MarshalJSON returns the wire form, see [Marshal].
func (e PackageInstall) MarshalJSON() ([]byte, error) { return Marshal(e) }

func (e PackageInstall) with(h Header) IocEvent {
	e.Header = h
	e.Packages = slices.Clone(e.Packages)
	return e
}
func (e PackageInstall) subject() string { return e.Jail }

// PackageRemove tells that packages are removed from a jail, pkg-delete(8).
type PackageRemove struct {
	Header   `json:"-"`
	Jail     string   `json:"jail"`
	Packages []string `json:"packages"` // names as pkg(8) takes them
}

// Type returns "PackageRemove".
func (PackageRemove) Type() string { return "PackageRemove" }

// MarshalJSON returns the wire form, see [Marshal].
func (e PackageRemove) MarshalJSON() ([]byte, error) { return Marshal(e) }

func (e PackageRemove) with(h Header) IocEvent {
	e.Header = h
	e.Packages = slices.Clone(e.Packages)
	return e
}
func (e PackageRemove) subject() string { return e.Jail }
