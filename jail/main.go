package jail

import "github.com/libioc/go-libioc/host"

// Main is the first statement of main in a program that starts jails with network
// stacks of their own:
//
//	func main() {
//		jail.Main()
//		...
//	}
//
// To configure such a stack the library runs the program itself again. In that copy
// Main does what is asked for inside the jail and exits the process; otherwise it
// returns at once. A program that does not call it configures VNET jails with
// ifconfig(8) and route(8), one process for each change.
func Main() { host.Main() }
