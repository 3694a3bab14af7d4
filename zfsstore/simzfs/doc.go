// Package simzfs is a ZFS without ZFS, for tests of programs that use a
// [zfsstore.Store]: it runs on any system and needs no privileges. [New] makes
// one.
//
// Datasets are records in memory, and what is mounted are real directories
// below each pool's altroot, which any program can read and write. No
// mountpoint, symbolic link or stream leads out of the altroot. An operation is
// refused when OpenZFS refuses it, with the same words and exit status.
//
// # Records and directories
//
// A change is one batch of records. Directories are first made, then the batch
// is committed, and only then is anything removed; [New] repairs what a process
// killed between two of these left: directories without a dataset are removed, a
// dataset without its directory gets an empty one, and everything is mounted
// where the records say. After a kill all of a change is found, or none of it.
// One exception: a rollback that is killed, or whose records cannot be kept, may
// have restored the files already; no snapshot is lost then.
//
// Snapshots are copies, which share blocks where the file system below can do
// that; a clone is copied when it is first mounted. They are found at
// .zfs/snapshot/NAME of the dataset. Unlike ZFS's they can be written to, and
// .zfs shows up in a listing of the directory.
//
// # Limits
//
// Sizes are nominal: no account is kept of blocks, quotas and reservations. A
// mountpoint of "/" cannot be mounted, since the altroot itself is not moved.
package simzfs
