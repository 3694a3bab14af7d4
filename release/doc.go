// Package release knows FreeBSD releases: their names, where they come from,
// and how a jail's base is fetched, verified and updated.
//
// [Name] is a release's name and patch level ("13.2-RELEASE-p4") as a value that
// orders as FreeBSD's releases do. [Release] is one release in a root dataset:
//
//   - [Available] lists what a mirror has, with the end of life of each;
//   - [Release.Fetch] makes it of archives (base.txz), downloaded side by side,
//     continued where an earlier try broke off and checked against the mirror's
//     MANIFEST, or of base packages where there are no archives any more,
//     freebsd-base(7);
//   - [Release.Update] brings it to its newest patch level with its own
//     freebsd-update(8), in a temporary jail, and takes the snapshot @pN;
//   - [Release.CopyBase] fills the datasets that basejails of type zfs clone;
//   - [Clean] destroys the releases that no jail needs.
//
// Each is all or nothing: a failure, a cancellation or a crash leaves what was
// there before, at once or after [Recover], which jail.Recover calls. What was
// downloaded is kept for the next try.
//
// A name without patch level floats: it means the newest @pN snapshot there is.
// With one it is pinned, and a level that does not exist is an error.
//
// The temporary jail is package jail's: this package says with [Runner] what it
// needs, and jail.NewRunner supplies it.
package release
