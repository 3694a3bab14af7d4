// Package replaytest gives recorded system calls to a kernel and compares what it
// answers with what was recorded on real machines.
package replaytest
