//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"encoding/binary"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// vnetFD is the child's end of the socket pair: os/exec's first extra file.
const vnetFD = 3

// What the child is asked for and what it answers with first.
const (
	vnetAskSockets = "sockets"
	vnetAskRoutes  = "routes"

	vnetGotSockets = 's' // a byte with the families follows, and the descriptors
	vnetGotRoutes  = 'r' // the routing table follows
	vnetFailed     = 'e' // errno in 4 bytes and the call's name follow
)

// serveVnet is the child: args are the jid, what is asked for and, for routes,
// the routing table, for sockets the nodes to write first. It reports every failure to the parent.
func serveVnet(args []string) {
	unix.CloseOnExec(vnetFD)
	fail := func(op string, errno syscall.Errno) {
		b := []byte{vnetFailed, byte(errno), byte(errno >> 8), 0, 0}
		_ = sendAll(append(b, op...))
	}
	if len(args) < 2 {
		fail("arguments", syscall.EINVAL)
		return
	}
	jid, err := strconv.Atoi(args[0])
	if err != nil {
		fail("arguments", syscall.EINVAL)
		return
	}
	errno := numberCall(unix.SYS_JAIL_ATTACH, jid)
	if errno == syscall.EPERM {
		// A directory that was open without close-on-exec came along.
		closeDirectories()
		errno = numberCall(unix.SYS_JAIL_ATTACH, jid)
	}
	if errno != 0 {
		fail("jail_attach", errno)
		return
	}
	if args[1] == vnetAskRoutes && len(args) == 3 {
		fib, _ := strconv.Atoi(args[2])
		dump, errno := routeDump(fib)
		if errno != 0 {
			fail("NET_RT_DUMP", errno)
			return
		}
		_ = sendAll(append([]byte{vnetGotRoutes}, dump...))
		return
	}
	for _, setting := range args[2:] {
		name, value, _ := strings.Cut(setting, "=")
		if errno := setSysctl(name, value); errno != 0 {
			fail(name, errno)
			return
		}
	}
	sockets, errno := openSockets()
	if errno != 0 {
		fail("socket", errno)
		return
	}
	var fds []int
	var families byte
	for i, fd := range [...]int{sockets.inet, sockets.inet6, sockets.route} {
		if fd >= 0 {
			fds = append(fds, fd)
			families |= 1 << i
		}
	}
	if err := unix.Sendmsg(vnetFD, []byte{vnetGotSockets, families}, unix.UnixRights(fds...), nil, 0); err != nil {
		fail("sendmsg", err.(syscall.Errno))
	}
}

// setSysctl writes an integer node in the child's own stack.
func setSysctl(name, value string) syscall.Errno {
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil {
		return syscall.EINVAL
	}
	mib, errno := sysctlMIB(name)
	if errno != 0 {
		return errno
	}
	b := binary.NativeEndian.AppendUint32(nil, uint32(int32(n)))
	_, errno = sysctlCall(mib, nil, b)
	return errno
}

func sendAll(b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(vnetFD, b)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// closeDirectories closes what keeps jail_attach(2) from working.
func closeDirectories() {
	var limit unix.Rlimit
	most := 1 << 16
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil && limit.Cur < int64(most) {
		most = int(limit.Cur)
	}
	for fd := vnetFD + 1; fd < most; fd++ {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
			unix.Close(fd)
		}
	}
}
