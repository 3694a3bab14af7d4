// Package releasetest makes a FreeBSD release out of nothing, for tests and
// examples that need one on any system without a network.
//
// [Fetch] brings a release onto a simulated host in one call. [Archive] returns a
// base archive of some 15 kB that has the directories, modes and kinds of files
// that a real base.txz has; [Mirror] serves it like FreeBSD's download servers do,
// with ranges, ETags, MANIFEST and directory index.
package releasetest
