//go:build linux || freebsd || darwin || netbsd || openbsd || dragonfly

package zfsstore

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// ownGroup starts a process in a new process group, so that its children are
// killed with it.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
}
