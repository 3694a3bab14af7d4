//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"errors"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
)

// ifStack is one network stack: the host's, or that of a jail by sockets that
// were opened inside. An ioctl or route message acts on the stack its socket
// belongs to, and asks the caller's privilege.
type ifStack struct {
	k  *system
	id kernel.Identity // zero is the host
}

// stackSockets are one stack's sockets; -1 is a family the kernel lacks.
type stackSockets struct {
	inet, inet6, route int
}

func (s stackSockets) close() {
	for _, fd := range [...]int{s.inet, s.inet6, s.route} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// openSockets opens them in the caller's own stack.
func openSockets() (stackSockets, syscall.Errno) {
	open := func(family, kind int) (int, syscall.Errno) {
		for {
			fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
			switch err {
			case nil:
				return fd, 0
			case unix.EINTR:
			case unix.EAFNOSUPPORT, unix.EPROTONOSUPPORT:
				return -1, 0
			default:
				return -1, err.(syscall.Errno)
			}
		}
	}
	s := stackSockets{-1, -1, -1}
	var errno syscall.Errno
	if s.inet, errno = open(unix.AF_INET, unix.SOCK_DGRAM); errno == 0 {
		if s.inet6, errno = open(unix.AF_INET6, unix.SOCK_DGRAM); errno == 0 {
			s.route, errno = open(unix.AF_ROUTE, unix.SOCK_RAW)
		}
	}
	if errno != 0 {
		s.close()
	}
	return s, errno
}

// with calls do with the stack's sockets.
func (s ifStack) with(ctx context.Context, do func(stackSockets) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !s.id.IsZero() {
		return s.k.withVnet(ctx, s.id, do)
	}
	sockets, errno := openSockets()
	if errno != 0 {
		return &kernel.CallError{Op: "socket", Errno: errno}
	}
	defer sockets.close()
	return do(sockets)
}

// any returns a socket for calls that work with either family.
func (s stackSockets) any() int {
	if s.inet >= 0 {
		return s.inet
	}
	return s.inet6
}

// ifError returns the error of a refused call, or nil if errno is 0.
func ifError(op, subject string, errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return refusal.Interface(op, subject, errno)
}

// checkIfName refuses a name that would be cut short.
func checkIfName(op, name string) error {
	switch {
	case name == "":
		return &kernel.CallError{Op: op, Subject: name, Errno: syscall.EINVAL, Msg: "no interface named"}
	case len(name) >= abi.IfNameSize:
		return &kernel.CallError{Op: op, Subject: name, Errno: syscall.ENAMETOOLONG, Msg: "an interface's name has at most 15 bytes"}
	case abi.CString([]byte(name)) != name:
		return &kernel.CallError{Op: op, Subject: name, Errno: syscall.EINVAL, Msg: "name holds a NUL"}
	}
	return nil
}

// request makes one ioctl on an interface.
func (s ifStack) request(ctx context.Context, op, name string, do func(stackSockets) syscall.Errno) error {
	if err := checkIfName(op, name); err != nil {
		return err
	}
	return s.with(ctx, func(sockets stackSockets) error {
		return ifError(op, name, do(sockets))
	})
}

// requestFamily is request for one address family, which the kernel may lack.
func (s ifStack) requestFamily(ctx context.Context, op, name string, family int, do func(stackSockets) syscall.Errno) error {
	return s.request(ctx, op, name, func(sockets stackSockets) syscall.Errno {
		if family == unix.AF_INET && sockets.inet < 0 || family == unix.AF_INET6 && sockets.inet6 < 0 {
			return syscall.EAFNOSUPPORT
		}
		return do(sockets)
	})
}

func (s ifStack) InterfaceCreate(ctx context.Context, driver string) (string, error) {
	if err := checkIfName("SIOCIFCREATE2", driver); err != nil {
		return "", err
	}
	var name string
	err := s.with(ctx, func(sockets stackSockets) error {
		b := abi.Ifreq(driver)
		errno := ioctlCall(sockets.any(), abi.SIOCIFCreate2, b)
		if errno == syscall.EINVAL && textCall(unix.SYS_KLDLOAD, "if_"+precheck.DriverName(driver), 0) == 0 {
			// The driver was a module that was not loaded, ifconfig(8) does
			// the same.
			b = abi.Ifreq(driver)
			errno = ioctlCall(sockets.any(), abi.SIOCIFCreate2, b)
		}
		name = abi.CString(b[:abi.IfNameSize])
		err := ifError("SIOCIFCREATE2", driver, errno)
		if e, ok := errors.AsType[*kernel.CallError](err); ok && errno == syscall.EINVAL {
			e.Msg = "no such driver, or its module cannot be loaded"
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return name, nil
}

func (s ifStack) InterfaceDestroy(ctx context.Context, name string) error {
	return s.request(ctx, "SIOCIFDESTROY", name, func(sockets stackSockets) syscall.Errno {
		return ioctlCall(sockets.any(), abi.SIOCIFDestroy, abi.Ifreq(name))
	})
}

func (s ifStack) InterfaceRename(ctx context.Context, name, to string) error {
	if err := checkIfName("SIOCSIFNAME", to); err != nil {
		return err
	}
	return s.request(ctx, "SIOCSIFNAME", name, func(sockets stackSockets) syscall.Errno {
		return ioctlData(sockets.any(), abi.SIOCSIFName, name, append([]byte(to), make([]byte, abi.IfNameSize-len(to))...))
	})
}

func (s ifStack) InterfaceSetUp(ctx context.Context, name string, up bool) error {
	return s.request(ctx, "SIOCSIFFLAGS", name, func(sockets stackSockets) syscall.Errno {
		b := abi.Ifreq(name)
		if errno := ioctlCall(sockets.any(), abi.SIOCGIFFlags, b); errno != 0 {
			return errno
		}
		flags := abi.IfreqFlags(b) &^ abi.FlagUp
		if up {
			flags |= abi.FlagUp
		}
		abi.PutIfreqFlags(b, flags)
		return ioctlCall(sockets.any(), abi.SIOCSIFFlags, b)
	})
}

func (s ifStack) InterfaceSetMTU(ctx context.Context, name string, mtu int) error {
	return s.request(ctx, "SIOCSIFMTU", name, func(sockets stackSockets) syscall.Errno {
		return ioctlCall(sockets.any(), abi.SIOCSIFMTU, abi.IfreqInt(name, mtu))
	})
}

func (s ifStack) InterfaceSetDescription(ctx context.Context, name, text string) error {
	if abi.CString([]byte(text)) != text {
		return &kernel.CallError{Op: "SIOCSIFDESCR", Subject: name, Errno: syscall.EINVAL, Msg: "text holds a NUL"}
	}
	return s.request(ctx, "SIOCSIFDESCR", name, func(sockets stackSockets) syscall.Errno {
		var buf []byte
		if text != "" {
			buf = append([]byte(text), 0)
		}
		_, errno := ioctlBuffer(sockets.any(), abi.SIOCSIFDescr, name, buf)
		return errno
	})
}

func (s ifStack) InterfaceSetVLAN(ctx context.Context, name string, vlan kernel.VLAN) error {
	if err := checkIfName("SIOCSETVLAN", vlan.Parent); err != nil {
		return err
	}
	return s.request(ctx, "SIOCSETVLAN", name, func(sockets stackSockets) syscall.Errno {
		return ioctlData(sockets.any(), abi.SIOCSETVLAN, name, abi.Vlanreq(vlan))
	})
}

func (s ifStack) InterfaceAddGroup(ctx context.Context, name, group string) error {
	return s.group(ctx, "SIOCAIFGROUP", abi.SIOCAIFGroup, name, group)
}

func (s ifStack) InterfaceDeleteGroup(ctx context.Context, name, group string) error {
	return s.group(ctx, "SIOCDIFGROUP", abi.SIOCDIFGroup, name, group)
}

func (s ifStack) group(ctx context.Context, op string, request uintptr, name, group string) error {
	if err := checkIfName(op, group); err != nil {
		return err
	}
	return s.request(ctx, op, name, func(sockets stackSockets) syscall.Errno {
		b := append(abi.Ifreq(name)[:abi.IfNameSize], make([]byte, 24)...)
		copy(b[24:39], group)
		return ioctlCall(sockets.any(), request, b)
	})
}

func (s ifStack) InterfaceToVnet(ctx context.Context, name string, id kernel.Identity) error {
	if err := s.k.verify(ctx, "SIOCSIFVNET", 0, id); err != nil {
		return err
	}
	return s.request(ctx, "SIOCSIFVNET", name, func(sockets stackSockets) syscall.Errno {
		return ioctlCall(sockets.any(), abi.SIOCSIFVnet, abi.IfreqInt(name, id.JID))
	})
}

// InterfaceFromVnet works on a dying jail too, whose interfaces are still in
// its stack.
func (s ifStack) InterfaceFromVnet(ctx context.Context, name string, id kernel.Identity) error {
	if err := s.k.verify(ctx, "SIOCSIFRVNET", kernel.JailDying, id); err != nil {
		return err
	}
	return s.request(ctx, "SIOCSIFRVNET", name, func(sockets stackSockets) syscall.Errno {
		return ioctlCall(sockets.any(), abi.SIOCSIFRVnet, abi.IfreqInt(name, id.JID))
	})
}
