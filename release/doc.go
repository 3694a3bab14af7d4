// Package release knows FreeBSD releases: their names, where they come from,
// and how a jail's base is fetched, verified and updated.
//
// [Name] is a release's name and patch level ("13.2-RELEASE-p4") as a value that
// orders as FreeBSD's releases do.
package release
