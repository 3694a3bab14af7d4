package step_test

import "github.com/libioc/go-libioc/jail"

// storageScenarios are about datasets, files, mounts and processes.
func storageScenarios() []scenario {
	return []scenario{
		{"life", plainHost, []act{
			create("web", jail.CreateOptions{}, nil), start("web"), stop("web"), destroy("web"),
		}},
	}
}
