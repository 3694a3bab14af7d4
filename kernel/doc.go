// Package kernel describes what this library needs of the FreeBSD kernel: jails,
// mounts, devfs rulesets, resource limits, network interfaces, packet filters
// and processes. It holds interfaces, values and errors, and makes no calls.
//
// [Kernel] is the sum of small interfaces, one per file. Two packages implement
// it: kernel/freebsd is the running kernel, by system calls, and
// kernel/simkernel simulates one in memory, with the rules, errno values and
// messages of the real one. The conformance suite in kernel/kerneltest runs
// against both, so neither can drift.
//
// Errors are [JailError] and [CallError]; they unwrap to the kernel's errno and
// to the sentinels of this package. [Features.Remedy] says what an administrator
// can do about one.
//
// Nothing here knows of releases, datasets or configuration files, and nothing
// is logged or printed.
package kernel
