//go:build !unix

package procgroup

import "os/exec"

// Own does nothing where there are no process groups: os/exec kills only the
// process.
func Own(*exec.Cmd) {}
