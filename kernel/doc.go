// Package kernel is what this library needs of the FreeBSD kernel: jails,
// mounts, devfs rulesets, resource limits, network interfaces and processes.
//
// [Kernel] is the sum of small interfaces, one per file. New returns the real
// one: it makes system calls and starts no program, except that a command
// inside a jail runs through jexec(8), because jail_attach(2) refuses a process
// that has any directory open. On systems other than FreeBSD every method of
// the real kernel fails with [ErrUnsupported].
//
// [Sim] is a kernel for tests and for machines that are not FreeBSD. It keeps
// the rules, errno values and messages of the real one. The conformance suite
// in package kerneltest runs against both, so neither can drift.
//
// Nothing here knows of releases, datasets or configuration files, and nothing
// is logged or printed.
package kernel
