//go:build linux || freebsd || darwin || netbsd || openbsd || dragonfly

package zfsstore

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// ownGroup puts a process in a process group of its own, so that whatever it
// starts is killed with it.
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
