// Package kerneltest is the conformance suite of package kernel: what every
// [kernel.Kernel] has to do, whether it is the real one or a simulated one. A program that
// wraps or replaces a Kernel can run it too:
//
//	func TestMyKernel(t *testing.T) {
//		kerneltest.Run(t, func(t *testing.T) kerneltest.Env {
//			return kerneltest.Env{Kernel: mine, Dir: t.TempDir()}
//		})
//	}
//
// The expected errno values, messages and effects are those recorded on FreeBSD
// 13.2-RELEASE and 15.1-RELEASE. A case is skipped only when Features says that
// the running kernel lacks what it needs. Each case must leave nothing behind:
// jails, mounts, interfaces, rctl rules and devfs rulesets are compared before
// and after it.
//
// On a real kernel the suite needs root, and it creates and removes jails named
// kerneltest*, the devfs rulesets 60001 and 60002, and epair and bridge
// interfaces. Nothing else on the machine is changed.
package kerneltest
