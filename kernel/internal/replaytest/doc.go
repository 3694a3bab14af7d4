// Package replaytest repeats recorded system calls on a kernel and compares the
// results with those recorded on real machines.
package replaytest
