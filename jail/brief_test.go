package jail_test

import (
	"os"
	"testing"
)

// brief tells whether the long tests on the simulated host run in a short form.
// On FreeBSD they tell nothing that they do not tell elsewhere, and there the
// machine is often an emulated one; IOC_TEST_SIMULATED=long runs them in full.
func brief() bool {
	return testing.Short() || os.Getenv("IOC_TEST_SIMULATED") == "brief"
}
