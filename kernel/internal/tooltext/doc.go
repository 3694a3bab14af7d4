// Package tooltext writes the arguments of base system tools and reads what they
// print: jexec(8), ifconfig(8), netstat(1), route(8), ipfw(8), pfctl(8) and the
// texts of rctl(2).
package tooltext
