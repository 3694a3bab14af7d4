//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
	"github.com/libioc/go-libioc/kernel/internal/tooltext"
)

// rctlMaxOutput is RCTL_MAX_OUTBUFSIZE, the most that rctl(2) returns.
const rctlMaxOutput = 16 << 20

func (k *system) RctlAddRule(ctx context.Context, rule string) error {
	_, err := k.rctl(ctx, "rctl_add_rule", unix.SYS_RCTL_ADD_RULE, rule, 0)
	return err
}

func (k *system) RctlRemoveRule(ctx context.Context, filter string) error {
	_, err := k.rctl(ctx, "rctl_remove_rule", unix.SYS_RCTL_REMOVE_RULE, filter, 0)
	return err
}

func (k *system) RctlGetRules(ctx context.Context, filter string) ([]string, error) {
	text, err := k.rctl(ctx, "rctl_get_rules", unix.SYS_RCTL_GET_RULES, filter, 4096)
	return tooltext.ParseRctlRules(text), err
}

func (k *system) RctlGetRacct(ctx context.Context, filter string) (map[string]uint64, error) {
	text, err := k.rctl(ctx, "rctl_get_racct", unix.SYS_RCTL_GET_RACCT, filter, 4096)
	if err != nil {
		return nil, err
	}
	return tooltext.ParseRctlUsage(text), nil
}

// rctl makes one call and repeats it with a larger buffer until the answer fits.
func (k *system) rctl(ctx context.Context, op string, num uintptr, in string, size int) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if strings.IndexByte(in, 0) >= 0 {
		return "", &kernel.CallError{Op: op, Subject: in, Errno: syscall.EINVAL, Msg: "text holds a NUL"}
	}
	for {
		out := make([]byte, size)
		errno := rctlCall(num, in, out)
		if errno == 0 {
			return abi.CString(out), nil
		}
		if errno == syscall.ERANGE && size > 0 && size < rctlMaxOutput {
			size *= 4
			continue
		}
		return "", refusal.Rctl(op, in, errno)
	}
}
