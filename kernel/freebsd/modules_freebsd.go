//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
)

func (k *system) ModuleLoaded(ctx context.Context, name string) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if err := precheck.Module("modfind", name); err != nil {
		return false, err
	}
	plain := strings.TrimSuffix(name, ".ko")
	// A file's modules may be called otherwise: linux64.ko holds linux64elf.
	for _, find := range []struct {
		num  uintptr
		name string
	}{{unix.SYS_MODFIND, plain}, {unix.SYS_KLDFIND, plain + ".ko"}} {
		switch errno := textCall(find.num, find.name, 0); errno {
		case 0:
			return true, nil
		case syscall.ENOENT:
		default:
			return false, &kernel.CallError{Op: "modfind", Subject: name, Errno: errno}
		}
	}
	return false, nil
}

func (k *system) ModuleLoad(ctx context.Context, name string) error {
	loaded, err := k.ModuleLoaded(ctx, name)
	if err != nil || loaded {
		return err
	}
	switch errno := textCall(unix.SYS_KLDLOAD, strings.TrimSuffix(name, ".ko"), 0); errno {
	case 0, syscall.EEXIST:
		return nil
	default:
		return refusal.Missing("kldload", name, errno)
	}
}
