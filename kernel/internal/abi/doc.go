// Package abi encodes and decodes what the FreeBSD kernel takes and returns as
// bytes: option lists of jail_set(2) and nmount(2), requests of ioctl(2), route(4)
// messages, struct statfs, struct kinfo_proc, devfs rules and CPU sets.
//
// The layouts are those of 64-bit FreeBSD 13.2 to 15.1, in the machine's byte
// order. Everything here is pure Go without system calls, so it is tested on every
// system.
package abi
