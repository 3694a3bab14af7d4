// Package zfsstore is what a jail manager needs of ZFS: datasets, snapshots,
// clones, properties, mounts, streams and their delegation to jails.
//
// [Store] is the interface. [Exec] is a host's real ZFS, by zfs(8) and
// zpool(8). Package zfsstore/simzfs has a ZFS without ZFS, so that programs which
// use a Store can be tested on any system and without root. The suite in
// zfsstore/storetest runs against both; programs may run it against a Store of
// their own.
//
// # Guarantees
//
//   - A refusal is an *[Error]: it matches one of the sentinels with errors.Is,
//     and its text repeats the command line and zfs's own words.
//   - Listing a subtree takes one process, whatever its size. Values that
//     were set from inside a jail cannot pass for other datasets or for other
//     properties: where the output could be read in two ways, it is checked
//     against a second listing.
//   - Names are arguments, never options or ranges: a name that zfs(8) would
//     read as something else is ErrInvalidName.
//   - A change by Exec is one command of zfs(8), all or nothing as that is.
//   - A context that ends also ends the process and everything it started, except
//     for a change made by go-zfs (the table in exec_gozfs.go): that goes on, is
//     waited for a little longer, and may succeed then.
//   - Nothing is global: no variables, no working directory, no logging. The
//     language of the environment makes no difference.
//
// # What is not promised
//
// Whoever may set user properties on the host itself, root or by zfs-allow(8),
// is trusted: with [AllProperties], forged output is looked for only where a
// dataset is jailed=on or a value has several lines.
//
// Bookmarks, encryption and resumable streams are not offered.
package zfsstore
