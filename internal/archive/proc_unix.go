//go:build unix

package archive

import (
	"os/exec"
	"syscall"
)

// ownGroup starts the program as leader of a process group, and lets the end of
// its context kill the group rather than the one process.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
