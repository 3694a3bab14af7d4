//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"slices"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
	"github.com/libioc/go-libioc/kernel/internal/jailparam"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
)

// The names of the kernel's own sysctl nodes about sysctl nodes, sysctl(3).
const (
	ctlName    = 1 // the name of an object identifier
	ctlNext    = 2 // the object identifier after one
	ctlNameOID = 3 // the object identifier of a name
	ctlFormat  = 4 // kind and format
)

const ctlMaxName = 24

// sysctlRead reads a node whose size may change from one call to the next.
func sysctlRead(mib []int32) ([]byte, syscall.Errno) {
	size, errno := sysctlCall(mib, nil, nil)
	if errno != 0 {
		return nil, errno
	}
	for {
		// A little more than asked for: processes come and go.
		buf := make([]byte, size+size/8+64)
		n, errno := sysctlCall(mib, buf, nil)
		if errno == syscall.ENOMEM {
			size = len(buf) * 2
			continue
		}
		if errno != 0 {
			return nil, errno
		}
		return buf[:n], 0
	}
}

// sysctlMeta asks one of the kernel's nodes about the node mib.
func sysctlMeta(what int32, mib []int32) ([]byte, syscall.Errno) {
	buf := make([]byte, 1024)
	n, errno := sysctlCall(append([]int32{0, what}, mib...), buf, nil)
	if errno != 0 {
		return nil, errno
	}
	return buf[:n], 0
}

func sysctlMIB(name string) ([]int32, syscall.Errno) {
	if name == "" {
		return nil, syscall.ENOENT
	}
	buf := make([]byte, 4*ctlMaxName)
	n, errno := sysctlCall([]int32{0, ctlNameOID}, buf, []byte(name))
	if errno != 0 {
		return nil, errno
	}
	return mibBytes(buf[:n]), 0
}

// mibBytes returns the object identifier that a sysctl's value holds.
func mibBytes(b []byte) []int32 {
	mib := make([]int32, len(b)/4)
	for i := range mib {
		mib[i] = int32(abi.Int(b[4*i : 4*i+4]))
	}
	return mib
}

// sysctlKind returns a node's kind and format string.
func sysctlKind(mib []int32) (kind uint32, format string, errno syscall.Errno) {
	b, errno := sysctlMeta(ctlFormat, mib)
	if errno != 0 || len(b) < 4 {
		return 0, "", errno
	}
	return uint32(abi.Uint(b[:4])), abi.CString(b[4:]), 0
}

func sysctlError(name string, errno syscall.Errno, msg string) error {
	return refusal.NotFound(&kernel.CallError{Op: "sysctl", Subject: name, Errno: errno, Msg: msg})
}

// sysctlValue reads a node by name together with its type.
func sysctlValue(name string) (value []byte, ctlType uint32, err error) {
	mib, errno := sysctlMIB(name)
	if errno != 0 {
		return nil, 0, sysctlError(name, errno, "")
	}
	kind, _, errno := sysctlKind(mib)
	if errno != 0 {
		return nil, 0, sysctlError(name, errno, "")
	}
	if kind&jailparam.CtlTypeMask == jailparam.CtlTypeNode {
		return nil, 0, sysctlError(name, syscall.EISDIR, "has no value of its own")
	}
	value, errno = sysctlRead(mib)
	if errno != 0 {
		return nil, 0, sysctlError(name, errno, "")
	}
	return value, kind & jailparam.CtlTypeMask, nil
}

func (k *system) SysctlString(ctx context.Context, name string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	value, ctlType, err := sysctlValue(name)
	if err != nil {
		return "", err
	}
	if ctlType != jailparam.CtlTypeString {
		return "", sysctlError(name, syscall.EINVAL, "is not text")
	}
	return abi.CString(value), nil
}

func (k *system) SysctlInt(ctx context.Context, name string) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	value, ctlType, err := sysctlValue(name)
	if err != nil {
		return 0, err
	}
	switch ctlType {
	case jailparam.CtlTypeInt, jailparam.CtlTypeLong, jailparam.CtlTypeS8, jailparam.CtlTypeS16, jailparam.CtlTypeS32, jailparam.CtlTypeS64:
		return abi.Int(value), nil
	case jailparam.CtlTypeUint, jailparam.CtlTypeUlong, jailparam.CtlTypeU8, jailparam.CtlTypeU16, jailparam.CtlTypeU32, jailparam.CtlTypeU64:
		return int64(abi.Uint(value)), nil
	}
	return 0, sysctlError(name, syscall.EINVAL, "is not a number")
}

// paramWalk lists the nodes below security.jail.param.
func paramWalk() ([]kernel.ParamInfo, syscall.Errno) {
	root, errno := sysctlMIB("security.jail.param")
	if errno != 0 {
		return nil, errno
	}
	var list []kernel.ParamInfo
	for mib := root; ; {
		b, errno := sysctlMeta(ctlNext, mib)
		if errno == syscall.ENOENT {
			break
		}
		if errno != 0 {
			return nil, errno
		}
		next := mibBytes(b)
		if len(next) <= len(root) || !slices.Equal(next[:len(root)], root) {
			break
		}
		mib = next
		name, errno := sysctlMeta(ctlName, mib)
		if errno != 0 {
			continue // its module went away in the meantime
		}
		kind, format, errno := sysctlKind(mib)
		if errno != 0 || kind&jailparam.CtlTypeMask == jailparam.CtlTypeNode {
			continue
		}
		value, _ := sysctlRead(mib) // read by type; nodes without a size give none
		list = append(list, jailparam.Describe(abi.CString(name), kind, format, value))
	}
	slices.SortFunc(list, jailparam.ByName)
	return slices.CompactFunc(list, func(a, b kernel.ParamInfo) bool { return a.Name == b.Name }), 0
}
