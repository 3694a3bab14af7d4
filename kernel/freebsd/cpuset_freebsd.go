//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"errors"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
)

// verifyForCpuset is verify with the error of cpuset(2).
func (k *system) verifyForCpuset(ctx context.Context, op string, id kernel.Identity) error {
	err := k.verify(ctx, op, 0, id)
	if errors.Is(err, kernel.ErrNotFound) && !errors.Is(err, kernel.ErrStale) {
		return refusal.Cpuset(op, id.String(), syscall.ESRCH)
	}
	return err
}

func (k *system) CpusetGet(ctx context.Context, id kernel.Identity) ([]int, error) {
	const op = "cpuset_getaffinity"
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := k.verifyForCpuset(ctx, op, id); err != nil {
		return nil, err
	}
	mask := make(abi.CpuMask, abi.CpuMaskSize)
	// The kernel takes no buffer that is longer than its own limit either.
	for ; ; mask = mask[:len(mask)/2] {
		errno := cpusetCall(unix.SYS_CPUSET_GETAFFINITY, id.JID, mask)
		if errno == 0 {
			return mask.Cpus(), nil
		}
		if errno != syscall.ERANGE || len(mask) <= 8 {
			return nil, refusal.Cpuset(op, id.String(), errno)
		}
	}
}

func (k *system) CpusetSet(ctx context.Context, id kernel.Identity, cpus []int) error {
	const op = "cpuset_setaffinity"
	if err := ctx.Err(); err != nil {
		return err
	}
	mask, errno := abi.NewCPUMask(cpus)
	if errno != 0 {
		return refusal.Cpuset(op, id.String(), errno)
	}
	if err := k.verifyForCpuset(ctx, op, id); err != nil {
		return err
	}
	if errno := cpusetCall(unix.SYS_CPUSET_SETAFFINITY, id.JID, mask); errno != 0 {
		return refusal.Cpuset(op, id.String(), errno)
	}
	return nil
}
