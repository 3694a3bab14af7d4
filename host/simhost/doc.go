// Package simhost is an embedded host for tests, demonstrations and systems
// that are not FreeBSD: datasets with real directories (simzfs) and a
// simulated kernel (simkernel.Kernel) over one directory.
//
// [New] gives a host with one pool, zroot, one source, ioc, on
// zroot/iocage, and nothing in it. What is done to it is kept in the directory:
// opened again, in this or another process, the host has the same datasets,
// jails, mounts and rules. It may be killed at any moment. One process at a time
// may have it open.
//
// Commands in jails are scripted: sh, cat, freebsd-version and a few more act
// on the files of the jail's tree; see simkernel.Kernel. Nothing outside of the
// directory is changed and no privileges are needed.
package simhost
