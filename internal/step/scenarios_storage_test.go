package step_test

import (
	"slices"

	"github.com/libioc/go-libioc/jail"
)

// storageScenarios are about datasets, files, mounts and processes.
func storageScenarios() []scenario {
	return slices.Concat([]scenario{
		{"life", plainHost, []act{
			create("web", jail.CreateOptions{}, nil), start("web"), stop("web"), destroy("web"),
		}},
	}, mountScenarios(), hookScenarios(), processScenarios(), datasetScenarios(), configScenarios(), updateScenarios())
}
