// Package simhost is a simulated machine for tests, demonstrations and systems that
// are not FreeBSD: datasets with real directories (simzfs) and a simulated kernel
// (simkernel.Kernel), all in one directory.
//
// [New] returns a machine with one empty pool, zroot, and one source, ioc, on
// zroot/iocage. Its state is kept in the directory: when opened again, by this or
// another process, it has the same datasets, jails, mounts and rules. It may be
// killed at any moment. One process at a time may have it open.
//
// Commands in jails are scripted: sh, cat, freebsd-version and a few more act
// on the files of the jail's tree; see simkernel.Kernel. Nothing outside the directory is
// changed, and no privileges are needed.
package simhost
