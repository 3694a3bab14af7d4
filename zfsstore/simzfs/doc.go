// Package simzfs simulates ZFS for tests of programs that use a [zfsstore.Store]. It
// runs on any system and needs no privileges.
//
// Datasets are records in memory. Mounted file systems are real directories below
// each pool's altroot, which any program can read and write. No mountpoint, symbolic
// link or stream leads out of the altroot. An operation is refused when OpenZFS
// refuses it, with the same message and exit status.
//
// # Records and directories
//
// A change is one batch of records. Directories are created first, then the batch
// is committed, and only then is anything removed. [New] repairs what a killed
// process left behind: it removes directories without a dataset, creates missing
// ones, and mounts everything where the records say. So a change is either complete
// or absent after a kill. The exception is a rollback that is killed, or whose
// records cannot be stored: it may have restored the files already, but no snapshot
// is lost.
//
// Snapshots are copies, which share blocks if the underlying file system can; a
// clone is copied when it is first mounted. They are at .zfs/snapshot/NAME of the
// dataset. Unlike in ZFS they are writable, and .zfs appears in directory listings.
//
// # Limits
//
// Sizes are nominal: blocks, quotas and reservations are not accounted for. A
// mountpoint of "/" cannot be mounted, since the altroot itself is not moved.
package simzfs
