// Package releasetest makes a FreeBSD release out of nothing, for tests and
// examples that must fetch and extract one on any system without a network.
//
// [Archive] gives a base archive of some 15 kB that has the directories, modes and
// kinds of files that a real base.txz has; [Mirror] serves it like FreeBSD's
// download servers do, with ranges, ETags, MANIFEST and directory index.
package releasetest
