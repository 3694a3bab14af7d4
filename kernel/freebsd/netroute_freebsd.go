//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
)

// soSetFIB is SO_SETFIB, the routing table of a socket.
const soSetFIB = 0x1014

func (s ifStack) RouteAdd(ctx context.Context, route kernel.Route) error {
	return s.route(ctx, "RTM_ADD", abi.RTMAdd, route)
}

func (s ifStack) RouteDelete(ctx context.Context, route kernel.Route) error {
	return s.route(ctx, "RTM_DELETE", abi.RTMDelete, route)
}

func (s ifStack) route(ctx context.Context, op string, kind byte, r kernel.Route) error {
	r, err := precheck.Route(op, r)
	if err != nil {
		return err
	}
	return s.with(ctx, func(sockets stackSockets) error {
		index := 0
		if r.Interface != "" {
			if index = sockets.index(r.Interface); index == 0 {
				return ifError(op, r.Interface, syscall.ENXIO)
			}
		}
		if err := unix.SetsockoptInt(sockets.route, unix.SOL_SOCKET, soSetFIB, r.FIB); err != nil {
			return &kernel.CallError{Op: "SO_SETFIB", Subject: strconv.Itoa(r.FIB), Errno: err.(syscall.Errno), Msg: "no such routing table, net.fibs"}
		}
		// An interface alone, or with a link-local gateway, is part of the
		// message; with any other gateway it only helps to reach it.
		through := index
		if precheck.ViaOffLink(r) {
			through = 0
		}
		errno := sendRoute(sockets.route, abi.RouteMessage(kind, r, through, 1))
		if precheck.ViaOffLink(r) && kind == abi.RTMAdd && errno == syscall.ENETUNREACH {
			toGateway := precheck.ToGateway(r)
			if errno := sendRoute(sockets.route, abi.RouteMessage(abi.RTMAdd, toGateway, index, 2)); errno != 0 && errno != syscall.EEXIST {
				return ifError(op, toGateway.Dest.String(), errno)
			}
			if errno = sendRoute(sockets.route, abi.RouteMessage(abi.RTMAdd, r, 0, 3)); errno != 0 {
				_ = sendRoute(sockets.route, abi.RouteMessage(abi.RTMDelete, toGateway, index, 4))
			}
		}
		if precheck.ViaOffLink(r) && kind == abi.RTMDelete && errno == 0 {
			// Only a route through the interface itself matches.
			_ = sendRoute(sockets.route, abi.RouteMessage(abi.RTMDelete, precheck.ToGateway(r), index, 2))
		}
		err := ifError(op, r.Dest.String(), errno)
		if e, ok := err.(*kernel.CallError); ok && e.Errno == syscall.ENETUNREACH {
			e.Msg = precheck.OutOfReach(r)
		}
		return err
	})
}

// sendRoute writes one message; the kernel answers by the write's errno.
func sendRoute(fd int, message []byte) syscall.Errno {
	for {
		switch _, err := unix.Write(fd, message); err {
		case nil:
			return 0
		case unix.EINTR:
		default:
			return err.(syscall.Errno)
		}
	}
}

// Routes leaves out the host routes to the stack's own addresses, which come
// with the addresses.
func (s ifStack) Routes(ctx context.Context, fib int) ([]kernel.Route, error) {
	names := map[int]string{}
	var dump []byte
	err := s.with(ctx, func(sockets stackSockets) error {
		entries, errno := ifconfEntries(sockets.any())
		if errno != 0 {
			return ifError("SIOCGIFCONF", "", errno)
		}
		for _, e := range entries {
			if e.Family == abi.AFLink {
				names[e.Index] = e.Name
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if s.id.IsZero() {
		var errno syscall.Errno
		if dump, errno = routeDump(fib); errno != 0 {
			return nil, ifError("NET_RT_DUMP", strconv.Itoa(fib), errno)
		}
	} else if dump, err = s.k.vnetRoutes(ctx, s.id, fib); err != nil {
		return nil, err
	}
	var list []kernel.Route
	for _, r := range abi.ParseRoutes(dump) {
		if r.Flags&abi.RTFUp == 0 || r.IsOwnAddress(names[r.Index]) {
			continue
		}
		r.Interface, r.FIB = names[r.Index], fib
		list = append(list, r.Route)
	}
	return list, nil
}

// routeDump returns the routing table of the caller's own stack.
func routeDump(fib int) ([]byte, syscall.Errno) {
	const netRTDump = 1
	return sysctlRead([]int32{4, unix.AF_ROUTE, 0, 0, netRTDump, 0, int32(fib)})
}
