//go:build amd64 || arm64 || riscv64

package kernel

import (
	"context"
	"errors"
	"syscall"
)

// verifyForCpuset is verify with the error that cpuset(2) gives.
func (k *freebsd) verifyForCpuset(ctx context.Context, op string, id Identity) error {
	err := k.verify(ctx, op, 0, id)
	if errors.Is(err, ErrNotFound) && !errors.Is(err, ErrStale) {
		return cpusetError(op, id, syscall.ESRCH)
	}
	return err
}

func (k *freebsd) CpusetGet(ctx context.Context, id Identity) ([]int, error) {
	const op = "cpuset_getaffinity"
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := k.verifyForCpuset(ctx, op, id); err != nil {
		return nil, err
	}
	mask := make(cpuMask, cpuMaskSize)
	// The kernel takes no buffer that is longer than its own limit either.
	for ; ; mask = mask[:len(mask)/2] {
		errno := cpusetCall(getAffinity, id.JID, mask)
		if errno == 0 {
			return mask.cpus(), nil
		}
		if errno != syscall.ERANGE || len(mask) <= 8 {
			return nil, cpusetError(op, id, errno)
		}
	}
}

func (k *freebsd) CpusetSet(ctx context.Context, id Identity, cpus []int) error {
	const op = "cpuset_setaffinity"
	if err := ctx.Err(); err != nil {
		return err
	}
	mask, errno := newCPUMask(cpus)
	if errno != 0 {
		return cpusetError(op, id, errno)
	}
	if err := k.verifyForCpuset(ctx, op, id); err != nil {
		return err
	}
	if errno := cpusetCall(setAffinity, id.JID, mask); errno != 0 {
		return cpusetError(op, id, errno)
	}
	return nil
}
