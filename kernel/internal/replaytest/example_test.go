package replaytest_test

import (
	"testing"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/replaytest"
)

func Example() {
	_ = func(t *testing.T, k kernel.Kernel, hooks replaytest.Hooks) {
		exceptions := replaytest.ReadExceptions(t, "exceptions.txt")
		for name, setup := range replaytest.RecordedFiles(t, "13.2") {
			replaytest.ReplayFile(t, name, setup, exceptions, k, hooks)
		}
	}
}
