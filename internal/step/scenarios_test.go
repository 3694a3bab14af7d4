package step_test

import (
	"slices"
	"testing"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
)

// scenarios are what TestOperations plays.
func scenarios() []scenario { return slices.Concat(storageScenarios(), networkScenarios()) }

func plainHost(t testing.TB) *simhost.Host { return jailtest.NewHost(t) }

func networkHost(t testing.TB) *simhost.Host { return jailtest.OpenNetworkHost(t) }
