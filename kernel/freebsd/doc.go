// Package freebsd implements [kernel.Kernel] by the system calls of the FreeBSD
// machine that the program runs on.
//
// It starts no program, with two exceptions: a command in a jail runs through
// jexec(8), because jail_attach(2) refuses a process that has any directory
// open, and rules of ipfw(8) and pfctl(8) are compiled by those programs.
// [Main] saves further processes where jails have network stacks of their
// own.
//
// Files whose names end in _freebsd.go make the calls. Package unsafe is used
// only in those that end in _syscall_freebsd.go.
package freebsd
