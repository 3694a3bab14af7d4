package jailtest

import (
	"os"
	"testing"
)

// Brief reports whether the long tests on the simulated host run in a short form.
// On FreeBSD they prove nothing that they do not prove elsewhere, and there the
// machine is often an emulated one; IOC_TEST_SIMULATED=long runs them in full.
func Brief() bool {
	return testing.Short() || os.Getenv("IOC_TEST_SIMULATED") == "brief"
}
