//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"encoding/binary"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
)

// onDevfs opens the root directory of a devfs for one or more ioctls and closes
// it again at once: an open directory keeps jail_attach(2) from working.
func onDevfs(path string, do func(fd int) error) error {
	var fd int
	var err error
	for {
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		e := &kernel.CallError{Op: "open", Subject: path, Errno: err.(syscall.Errno)}
		if e.Errno == syscall.ENOENT {
			e.Err = kernel.ErrNotFound
		}
		return e
	}
	defer unix.Close(fd)
	return do(fd)
}

func rulesetSubject(ruleset uint16) string { return "devfs ruleset " + strconv.Itoa(int(ruleset)) }

// nextRule is the first rule of a ruleset with a number above the given one.
func nextRule(fd int, ruleset, after uint16) (kernel.DevfsRule, syscall.Errno) {
	b, _ := abi.EncodeDevfsRule(kernel.DevfsRule{Number: after}, ruleset)
	errno := ioctlCall(fd, abi.DEVFSIORGetNext, b)
	return abi.DecodeDevfsRule(b), errno
}

func rulesetIsEmpty(ruleset uint16) (empty bool, err error) {
	err = onDevfs("/dev", func(fd int) error {
		switch _, errno := nextRule(fd, ruleset, 0); errno {
		case 0:
			return nil
		case syscall.ENOENT:
			empty = true
			return nil
		default:
			return &kernel.CallError{Op: "DEVFSIO_RGETNEXT", Subject: rulesetSubject(ruleset), Errno: errno}
		}
	})
	return empty, err
}

func (k *system) DevfsRulesets(ctx context.Context) ([]uint16, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var list []uint16
	err := onDevfs("/dev", func(fd int) error {
		number := make([]byte, 2)
		for {
			switch errno := ioctlCall(fd, abi.DEVFSIOSGetNext, number); errno {
			case 0:
				list = append(list, binary.NativeEndian.Uint16(number))
			case syscall.ENOENT:
				return nil
			default:
				return &kernel.CallError{Op: "DEVFSIO_SGETNEXT", Errno: errno}
			}
		}
	})
	return list, err
}

func (k *system) DevfsRules(ctx context.Context, ruleset uint16) ([]kernel.DevfsRule, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if ruleset == 0 {
		return nil, nil // the kernel takes 0 for the ruleset of /dev itself
	}
	var list []kernel.DevfsRule
	err := onDevfs("/dev", func(fd int) error {
		for after := uint16(0); ; {
			rule, errno := nextRule(fd, ruleset, after)
			if errno == syscall.ENOENT {
				return nil
			}
			if errno != 0 {
				return &kernel.CallError{Op: "DEVFSIO_RGETNEXT", Subject: rulesetSubject(ruleset), Errno: errno}
			}
			list = append(list, rule)
			after = rule.Number
		}
	})
	return list, err
}

func (k *system) DevfsAddRule(ctx context.Context, ruleset uint16, rule kernel.DevfsRule) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b, refused := abi.EncodeDevfsRule(rule, ruleset)
	if refused != nil {
		return refused
	}
	return onDevfs("/dev", func(fd int) error {
		errno := ioctlCall(fd, abi.DEVFSIORAdd, b)
		e := &kernel.CallError{Op: "DEVFSIO_RADD", Subject: rulesetSubject(ruleset), Errno: errno}
		switch errno {
		case 0:
			return nil
		case syscall.EEXIST:
			e.Err, e.Msg = kernel.ErrExists, "rule "+strconv.Itoa(int(rule.Number))+" is already there"
		case syscall.ESRCH:
			e.Err, e.Msg = kernel.ErrNotFound, "included ruleset "+strconv.Itoa(int(rule.Include))+" is not there"
		case syscall.EIO:
			e.Msg = "ruleset 0 cannot have rules"
		}
		return e
	})
}

func (k *system) DevfsDeleteRules(ctx context.Context, ruleset uint16) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if ruleset == 0 {
		return nil
	}
	return onDevfs("/dev", func(fd int) error {
		for {
			rule, errno := nextRule(fd, ruleset, 0)
			if errno == syscall.ENOENT {
				return nil
			}
			if errno == 0 {
				id := binary.NativeEndian.AppendUint32(nil, abi.DevfsID(ruleset, rule.Number))
				errno = ioctlCall(fd, abi.DEVFSIORDel, id)
			}
			if errno != 0 && errno != syscall.ENOENT {
				return &kernel.CallError{Op: "DEVFSIO_RDEL", Subject: rulesetSubject(ruleset), Errno: errno}
			}
		}
	})
}

func (k *system) DevfsApply(ctx context.Context, path string, ruleset uint16) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return onDevfs(path, func(fd int) error {
		// A link on the way could lead to the host's own /dev.
		m, errno := fstatfsCall(fd)
		if errno != 0 {
			return &kernel.CallError{Op: "fstatfs", Subject: path, Errno: errno}
		}
		if m.Type != "devfs" {
			return &kernel.CallError{Op: "DEVFSIO_SAPPLY", Subject: path, Errno: syscall.ENOTTY, Msg: "no devfs is mounted there"}
		}
		if real, err := filepath.EvalSymlinks(path); err != nil || real != m.Path {
			return &kernel.CallError{Op: "DEVFSIO_SAPPLY", Subject: path, Err: kernel.ErrEscape, Msg: "the devfs is mounted on " + m.Path}
		}
		errno = ioctlCall(fd, abi.DEVFSIOSApply, binary.NativeEndian.AppendUint16(nil, ruleset))
		if errno == 0 {
			return nil
		}
		e := &kernel.CallError{Op: "DEVFSIO_SAPPLY", Subject: path, Errno: errno}
		if errno == syscall.ESRCH {
			e.Err, e.Msg = kernel.ErrNotFound, rulesetSubject(ruleset)+" is not there"
		}
		return e
	})
}
