package freebsd

import (
	"os"
	"sync/atomic"
)

// vnetChildName is the argument 0 by which the re-executed program knows what
// it is.
const vnetChildName = "go-libioc-vnet"

// vnetChildEnabled tells that main called VnetChild, so that executing the
// program again leads back there and not into its own work. It is a fact of the
// whole process, like its arguments.
var vnetChildEnabled atomic.Bool

// VnetChild lets In of [kernel.Kernel] configure a jail's own network stack by
// system calls. A program that wants this calls it first in main:
//
//	func main() {
//		if freebsd.VnetChild() {
//			return
//		}
//		...
//	}
//
// It is true only in a short-lived copy of the program that In starts: the copy
// attaches to the jail with jail_attach(2), opens sockets there, passes them
// back and ends. A process cannot do that for itself, because it would stay in
// the jail. Without the call In runs ifconfig(8), route(8) and netstat(1) in the
// jail through jexec(8), which costs a process for each change.
func VnetChild() bool {
	if len(os.Args) > 0 && os.Args[0] == vnetChildName {
		serveVnet(os.Args[1:])
		return true
	}
	vnetChildEnabled.Store(true)
	return false
}
