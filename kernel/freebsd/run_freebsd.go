//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"io"
	"os/exec"
	"strconv"
	"syscall"

	"github.com/libioc/go-libioc/internal/tail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
	"github.com/libioc/go-libioc/kernel/internal/tooltext"
)

// jexecLine is the longest that a message of jexec(8) may be.
const jexecLine = 4096

func (k *system) Run(ctx context.Context, cmd kernel.Command) (kernel.Exit, error) {
	cmd.Started = whole(cmd.Started)
	if cmd.Jail.IsZero() {
		return runOnHost(ctx, cmd)
	}
	if err := ctx.Err(); err != nil {
		return kernel.Exit{}, err
	}
	if len(cmd.Argv) == 0 || cmd.Argv[0] == "" {
		return kernel.Exit{}, &kernel.CallError{Op: "jexec", Errno: syscall.EINVAL, Msg: "no program named"}
	}
	if err := k.verify(ctx, "jail_attach", 0, cmd.Jail); err != nil {
		return kernel.Exit{}, err
	}
	if err := precheck.FIB(ctx, k, cmd); err != nil {
		return kernel.Exit{}, err
	}
	argv, env, err := tooltext.JexecArgs(cmd)
	if err != nil {
		return kernel.Exit{}, err
	}
	if cmd.FIB != 0 {
		argv = append([]string{tooltext.SetfibPath, strconv.Itoa(cmd.FIB)}, argv...)
	}
	head := tail.First(jexecLine)
	if cmd.Terminal == nil {
		var both io.Writer = head
		if cmd.Stderr != nil {
			both = io.MultiWriter(head, cmd.Stderr)
		}
		if sameOutput(cmd.Stdout, cmd.Stderr) {
			cmd.Stdout = both
		}
		cmd.Stderr = both
	}
	exit, err := runGroup(ctx, cmd, &exec.Cmd{
		Path: argv[0], Args: argv, Dir: "/", SysProcAttr: &syscall.SysProcAttr{},
		Env: append([]string{}, env...),
	})
	if err != nil {
		return exit, err
	}
	if head.Dropped() > 0 {
		return exit, nil // more than jexec(8) says
	}
	return exit, tooltext.JexecError(cmd, exit, head.String())
}
