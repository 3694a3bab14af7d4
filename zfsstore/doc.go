// Package zfsstore provides what a jail manager needs of ZFS: datasets, snapshots,
// clones, properties, mounts, streams and delegation to jails.
//
// [Store] is the interface. [Exec] is the real ZFS of a host, by zfs(8) and
// zpool(8). Package zfsstore/simzfs simulates ZFS, so that programs that use a Store
// can be tested on any system and without root. Both pass the suite in
// zfsstore/storetest, which can also test a program's own Store.
//
// # Guarantees
//
//   - A refusal is an *[Error]: it matches one of the sentinels with errors.Is,
//     and its text has the command line and the message of zfs(8).
//   - Listing a subtree takes one process, whatever its size. A value set from
//     inside a jail cannot forge other datasets or properties: ambiguous output is
//     checked against a second listing.
//   - A name is never read as an option or a range: such a name is
//     ErrInvalidName.
//   - A change by Exec is one command of zfs(8), and as atomic as that is.
//   - When a context ends, a process that reads, sends or receives is killed with
//     its children. A change that has begun is not: a killed zfs-rename(8) would
//     leave a tree unmounted. It is done to its end, or to ExecOptions.ChangeLimit.
//   - Nothing is global: no variables, no working directory, no logging. The
//     language of the environment does not matter.
//
// # What is not promised
//
// Users who may set user properties on the host itself, root or by zfs-allow(8),
// are trusted: with [AllProperties], forged output is detected only where a dataset
// has jailed=on or a value has several lines.
//
// Bookmarks, encryption and resumable streams are not supported.
package zfsstore
