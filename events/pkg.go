package events

// Events of packages.

type (
	// PackageConfiguration reports that a jail's package repository is configured, pkg.conf(5).
	PackageConfiguration JailFields
	// BootstrapPkg reports that pkg(8) itself is installed in a jail.
	BootstrapPkg JailFields
	// PackageInstall reports that packages are installed in a jail, pkg-install(8).
	PackageInstall PackagesFields
	// PackageRemove reports that packages are removed from a jail, pkg-delete(8).
	PackageRemove PackagesFields
)

// PackageFetch reports that packages are fetched to the host's cache,
// pkg-fetch(8).
type PackageFetch struct {
	Header   `json:"-"`
	Packages []string `json:"packages"` // names as pkg(8) takes them
}
