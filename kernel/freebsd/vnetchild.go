package freebsd

import (
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
)

// childVariable marks the re-executed program in its environment. Argument 0 could
// not: on FreeBSD syscall.ForkExec replaces one that is longer than the program's path.
const childVariable = "GO_LIBIOC_CHILD"

// childEnabled is set once main has called Main, so that executing the program again
// leads back there and not into its own work. It belongs to the whole process, like
// its environment.
var childEnabled atomic.Bool

// Main lets In of [kernel.Kernel] configure a jail's own network stack by system
// calls. A program that wants this calls it first in main:
//
//	func main() {
//		freebsd.Main()
//		...
//	}
//
// In a short-lived copy of the program that In starts, Main does not return: the copy
// attaches to the jail with jail_attach(2), opens sockets there, passes them back and
// exits. A process cannot do that itself, because it would stay in the jail. Without
// the call In runs ifconfig(8), route(8) and netstat(1) in the jail through jexec(8),
// which costs a process for each change.
func Main() {
	if os.Getenv(childVariable) == "" {
		childEnabled.Store(true)
		return
	}
	_ = os.Unsetenv(childVariable)
	serveVnet(os.Args[1:])
	os.Exit(0)
}

// childCommand is a copy of the program self that serves one jail.
func childCommand(self string, jid int, ask ...string) *exec.Cmd {
	return &exec.Cmd{
		Path: self, Args: append([]string{self, strconv.Itoa(jid)}, ask...),
		Env: []string{childVariable + "=vnet"}, Dir: "/",
	}
}
