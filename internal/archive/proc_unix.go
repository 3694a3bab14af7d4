//go:build unix

package archive

import (
	"os/exec"
	"syscall"
)

// ownGroup makes the program the leader of a process group, and the end of its
// context kill the group instead of the one process.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
