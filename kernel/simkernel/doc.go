// Package simkernel simulates a FreeBSD kernel in memory, for tests and for
// systems that are not FreeBSD.
//
// [New] boots a [Kernel]. It keeps the rules, errno values and messages of
// FreeBSD 13.2-RELEASE and 15.1-RELEASE as they were recorded on real machines;
// the suite in package kerneltest runs against it and against the real kernel.
// Programs in a jail are simulated too, see [Process].
package simkernel
