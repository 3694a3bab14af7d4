//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"cmp"
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
)

// vnetIdle is how long the sockets of a jail's network stack are kept after
// their last use. They keep the jail's stack alive, so JailRemove closes them
// first; a jail that ends otherwise stays dying that much longer. On a machine
// under load a second passes between two steps of a start, and another process
// would be needed.
const vnetIdle = 5 * time.Second

// vnetSockets are the sockets of one jail's stack.
type vnetSockets struct {
	id kernel.Identity

	mu     sync.Mutex // held while in use, for they have a routing table set
	open   bool
	closed bool
	socks  stackSockets
	idle   *time.Timer
}

func (v *vnetSockets) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.idle != nil {
		v.idle.Stop()
	}
	if v.open && !v.closed {
		v.socks.close()
	}
	v.closed = true
}

// withVnet calls do with sockets of the jail's stack, of which a series of
// calls uses the same.
func (k *system) withVnet(ctx context.Context, id kernel.Identity, do func(stackSockets) error) error {
	for {
		if err := k.verify(ctx, "jail_attach", 0, id); err != nil {
			k.dropVnets(id)
			return err
		}
		v := k.vnetOf(id)
		v.mu.Lock()
		if v.closed {
			v.mu.Unlock()
			continue
		}
		err := k.useVnet(ctx, v, do)
		v.mu.Unlock()
		return err
	}
}

// vnetOf returns the entry of a jail, creating it if necessary.
func (k *system) vnetOf(id kernel.Identity) *vnetSockets {
	k.vnetMu.Lock()
	old := k.vnets[id.JID]
	if old != nil && precheck.SameLife(id, old.id) {
		k.vnetMu.Unlock()
		return old
	}
	v := &vnetSockets{id: id}
	k.vnets[id.JID] = v
	k.vnetMu.Unlock()
	if old != nil {
		old.close()
	}
	return v
}

func (k *system) useVnet(ctx context.Context, v *vnetSockets, do func(stackSockets) error) error {
	if !v.open {
		socks, err := k.openInVnet(ctx, v.id, nil)
		if err != nil {
			return err
		}
		k.keep(v, socks)
	}
	defer v.idle.Reset(vnetIdle)
	return do(v.socks)
}

// keep gives an entry its sockets.
func (k *system) keep(v *vnetSockets, socks stackSockets) {
	v.socks, v.open = socks, true
	v.idle = time.AfterFunc(vnetIdle, func() { k.forget(v) })
}

// forget closes an entry and takes it off the map.
func (k *system) forget(v *vnetSockets) {
	k.vnetMu.Lock()
	if k.vnets[v.id.JID] == v {
		delete(k.vnets, v.id.JID)
	}
	k.vnetMu.Unlock()
	v.close()
}

// dropVnets closes the sockets of a jail and of its descendants.
func (k *system) dropVnets(id kernel.Identity) {
	k.vnetMu.Lock()
	var drop []*vnetSockets
	for jid, v := range k.vnets {
		if jid == id.JID || strings.HasPrefix(v.id.Name, id.Name+".") {
			drop = append(drop, v)
			delete(k.vnets, jid)
		}
	}
	k.vnetMu.Unlock()
	for _, v := range drop {
		v.close()
	}
}

// vnetRoutes reads the routing table from inside.
func (k *system) vnetRoutes(ctx context.Context, id kernel.Identity, fib int) ([]byte, error) {
	if err := k.verify(ctx, "jail_attach", 0, id); err != nil {
		return nil, err
	}
	var dump []byte
	err := askVnet(ctx, id, []string{vnetAskRoutes, strconv.Itoa(fib)}, func(fd int, first []byte, _ []int) error {
		if len(first) == 0 || first[0] != vnetGotRoutes {
			return errVnetAnswer
		}
		dump = append(dump, first[1:]...)
		buf := make([]byte, 64<<10)
		for {
			n, err := unix.Read(fd, buf)
			switch {
			case err == unix.EINTR:
			case err != nil:
				return err
			case n == 0:
				return nil
			case len(dump)+n > hostOutput:
				return syscall.EMSGSIZE // root of a jail may meddle with what is attached to it
			default:
				dump = append(dump, buf[:n]...)
			}
		}
	})
	return dump, err
}

// SetVnetSysctls has the child that opens the sockets write them, so that one
// process does both. No socket could: a node is written in the stack of the
// caller.
func (k *system) SetVnetSysctls(ctx context.Context, id kernel.Identity, values ...kernel.SysctlValue) error {
	if len(values) == 0 {
		return ctx.Err()
	}
	settings := make([]string, len(values))
	for i, v := range values {
		settings[i] = v.Name + "=" + strconv.Itoa(v.Value)
	}
	if !childEnabled.Load() {
		_, err := netTools{k, id}.run(ctx, settings[0], "/sbin/sysctl", settings...)
		return err
	}
	if err := k.verify(ctx, "jail_attach", 0, id); err != nil {
		return err
	}
	socks, err := k.openInVnet(ctx, id, settings)
	if err != nil {
		return err
	}
	v := k.vnetOf(id)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open || v.closed {
		socks.close()
		return nil
	}
	k.keep(v, socks)
	return nil
}

// openInVnet has a child write sysctl nodes and open sockets inside, and takes
// the sockets over.
func (k *system) openInVnet(ctx context.Context, id kernel.Identity, settings []string) (stackSockets, error) {
	s := stackSockets{-1, -1, -1}
	err := askVnet(ctx, id, append([]string{vnetAskSockets}, settings...), func(_ int, first []byte, fds []int) error {
		if len(first) != 2 || first[0] != vnetGotSockets {
			return errVnetAnswer
		}
		for i, to := range [...]*int{&s.inet, &s.inet6, &s.route} {
			if first[1]&(1<<i) != 0 && len(fds) > 0 {
				*to, fds = fds[0], fds[1:]
			}
		}
		return nil
	})
	if err != nil {
		return s, err
	}
	// The jid may have become another jail's before the child attached.
	if err := k.verify(ctx, "jail_attach", 0, id); err != nil {
		s.close()
		return s, err
	}
	return s, nil
}

var errVnetAnswer = errors.New("unexpected answer")

// askVnet starts the child and gives its first message to got, with the
// descriptors that came along; the rest can be read from fd.
func askVnet(ctx context.Context, id kernel.Identity, ask []string, got func(fd int, first []byte, fds []int) error) error {
	failed := func(op string, err error) error {
		e := callError(op, id.String(), err)
		if e.Op == "jail_attach" && e.Errno == syscall.EINVAL {
			e.Err, e.Msg = kernel.ErrNotFound, "the jail has ended"
		}
		if e.Errno == syscall.ENOENT { // a node of sysctl(3)
			e.Err = kernel.ErrNotFound
		}
		return e
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, toolLimit)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		return failed("own program", err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return failed("socketpair", err)
	}
	ours := pair[0]
	defer unix.Close(ours)
	theirs := os.NewFile(uintptr(pair[1]), "vnet")
	child := childCommand(self, id.JID, ask...)
	child.ExtraFiles = []*os.File{theirs}
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	keepOurs()
	err = child.Start()
	theirs.Close()
	if err != nil {
		return failed("own program", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		_ = unix.Shutdown(ours, unix.SHUT_RDWR) // ends the reads below
	})
	defer func() {
		if !stop() {
			<-stopped // the descriptor is closed next
		}
		endGroup(child.Process, 0, ended) // it has nothing more to do
	}()

	first := make([]byte, 64<<10)
	oob := make([]byte, unix.CmsgSpace(3*4))
	var n, oobn int
	for {
		n, oobn, _, _, err = unix.Recvmsg(ours, first, oob, unix.MSG_CMSG_CLOEXEC)
		if err != unix.EINTR {
			break
		}
	}
	var fds []int
	if err == nil {
		fds = passedFDs(oob[:oobn])
	}
	switch {
	case err != nil:
		err = failed("recvmsg", err)
	case n == 0:
		err = failed("own program", errors.New("ended without an answer: main must call jail.Main first"))
	case first[0] == vnetFailed && n >= 5:
		err = failed(string(first[5:n]), syscall.Errno(int(first[1])|int(first[2])<<8))
	case ctx.Err() == nil:
		if err = cmp.Or(got(ours, first[:n], fds), ctx.Err()); err == nil {
			return nil
		}
		err = failed("own program", err)
	}
	for _, fd := range fds {
		unix.Close(fd)
	}
	return cmp.Or(ctx.Err(), err)
}

func passedFDs(oob []byte) (fds []int) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for i := range messages {
		if more, err := unix.ParseUnixRights(&messages[i]); err == nil {
			fds = append(fds, more...)
		}
	}
	return fds
}
