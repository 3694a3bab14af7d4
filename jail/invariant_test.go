package jail_test

import (
	"context"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/hosttest"
)

// simSource is the source of a simulated host.
var simSource = host.Source{Name: "ioc", Dataset: simhost.Dataset}

// invariants says what does not agree on a host where no operation is running.
func invariants(h *simhost.Host) []string {
	return hosttest.Check(context.Background(), h.Host, simSource, hosttest.Options{})
}
