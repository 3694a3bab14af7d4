// Package zfsstore is what a jail manager needs of ZFS: datasets, snapshots,
// clones, properties, mounts, streams and their delegation to jails.
//
// [Store] is the interface. [Exec] is a host's real ZFS, by zfs(8) and
// zpool(8). [Memory] is a ZFS without ZFS: its datasets are records and its
// mountpoints real directories below a directory of the caller's choice, so
// that programs which use a Store can be tested on any system and without
// root. The suite in zfsstore/storetest runs against both; programs may run it
// against a Store of their own.
//
// # Guarantees
//
//   - A refusal is an *[Error]: errors.Is tells which of the sentinels it is,
//     its text repeats the command line and zfs's own words. Memory refuses
//     what OpenZFS refuses, in the same words and with the same exit status.
//   - Listing a subtree takes one process, whatever its size. Values that
//     were set from inside a jail cannot pass for other datasets or for other
//     properties: where the output could be read in two ways, it is checked
//     against a second listing.
//   - Names are arguments, never options or ranges: a name that zfs(8) would
//     read as something else is ErrInvalidName.
//   - What Exec changes is zfs(8)'s doing, all or nothing as that is. Memory's
//     operations are one batch of records each: whoever is killed in between
//     finds all of before or all of after when the records are loaded again.
//   - A cancelled context ends the process and everything it started.
//   - No mountpoint, symbolic link or stream leads out of the altroot of a
//     Memory's pool.
//   - Nothing is global: no variables, no working directory, no logging. The
//     programs run with LC_ALL=C.
//
// # What is not promised
//
// Whoever may set user properties on the host itself, root or by zfs-allow(8),
// is trusted: with [AllProperties], forged output is looked for only where a
// dataset is jailed=on or a value has several lines.
//
// Sizes in Memory are nominal: it keeps no account of blocks, quotas and
// reservations. A rollback in Memory that is killed or whose records cannot be
// kept may have brought the files back already; no snapshot is lost then.
// Bookmarks, encryption and resumable streams are not offered.
package zfsstore
