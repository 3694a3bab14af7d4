package simkernel

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/fault"
	"github.com/libioc/go-libioc/kernel"
)

var errInjected = errors.New("the disk is on fire")

func createJail(t *testing.T, s *Kernel, name string) error {
	_, err := s.JailSet(t.Context(), kernel.JailCreate, kernel.String("name", name), kernel.String("path", "/j"), kernel.Bool("persist", true))
	return err
}

func jailExists(t *testing.T, s *Kernel, name string) bool {
	_, err := s.JailGet(t.Context(), 0, kernel.ByName(name), "jid")
	return err == nil
}

// TestFailBefore: the second matching call fails without effect, and it alone.
func TestFailBefore(t *testing.T) {
	s := newSim(t, Options{})
	s.Fail(t, fault.Fault{Op: OpJailSet, Match: "*name=b*", Nth: 2, Err: errInjected})
	require.NoError(t, createJail(t, s, "a"))
	require.NoError(t, createJail(t, s, "b1"))
	require.ErrorIs(t, createJail(t, s, "b2"), errInjected)
	require.NoError(t, createJail(t, s, "b3"))
	require.False(t, jailExists(t, s, "b2"))
	require.True(t, jailExists(t, s, "b3"))
}

// TestFailAfter: the call has its effect and fails nevertheless.
func TestFailAfter(t *testing.T) {
	s := newSim(t, Options{})
	s.Fail(t, fault.Fault{Match: "*name=a *", Nth: 1, Err: errInjected, After: true})
	require.ErrorIs(t, createJail(t, s, "a"), errInjected)
	require.True(t, jailExists(t, s, "a"))
}

// TestFailEvery: without a number every call fails, until the fault is removed.
func TestFailEvery(t *testing.T) {
	s := newSim(t, Options{})
	remove := s.Fail(t, fault.Fault{Op: OpUnmount, Err: syscall.EBUSY})
	for range 3 {
		require.ErrorIs(t, s.Unmount(t.Context(), "/mnt", 0), syscall.EBUSY)
	}
	remove()
	require.ErrorIs(t, s.Unmount(t.Context(), "/mnt", 0), syscall.EINVAL)
}

func TestCalls(t *testing.T) {
	s := newSim(t, Options{})
	require.NoError(t, createJail(t, s, "a"))
	require.Equal(t, []Call{{OpJailSet, "0x1 name=a path=/j persist"}}, s.Calls())
	require.Equal(t, "jail_set 0x1 name=a path=/j persist", s.Calls()[0].String())
	s.ResetCalls()
	require.Empty(t, s.Calls())
	require.Zero(t, s.Forks())
}

// stopped is a test that a wrong fault has ended.
type stopped struct{ said string }

func (*stopped) Helper()                               {}
func (s *stopped) Fatalf(format string, values ...any) { s.said = fmt.Sprintf(format, values...) }

// TestWrongFault: what can never strike fails the test at once.
func TestWrongFault(t *testing.T) {
	s := newSim(t, Options{})
	for _, c := range []struct {
		fault fault.Fault
		says  string
	}{
		{fault.Fault{Op: "jail_sett", Err: errInjected}, `unknown operation "jail_sett"; known are BRDGADD, `},
		{fault.Fault{Op: OpJailSet, Match: "[", Err: errInjected}, `malformed pattern "["`},
	} {
		var tb stopped
		s.Fail(&tb, c.fault)
		require.Contains(t, tb.said, c.says)
	}
	require.NoError(t, createJail(t, s, "a"))
}

// TestInjectedErrors: an injected errno comes back as the real kernel returns
// it, with the fields and sentinels of a refusal.
func TestInjectedErrors(t *testing.T) {
	ctx := context.Background()
	s := newSim(t, Options{Modules: []string{"ipfw", "pf"}})
	id := newJail(t, s, "web")
	for _, c := range []struct {
		op    string
		errno syscall.Errno
		call  func() error
		want  error
		is    error
	}{
		{OpJailSet, syscall.EPERM, func() error { return createJail(t, s, "a") }, &kernel.JailError{Op: "jail_set", Name: "a", Errno: syscall.EPERM}, nil},
		{OpJailGet, syscall.ENOENT, func() error { _, err := s.JailIdentify(ctx, 0, kernel.ByJID(7)); return err }, &kernel.JailError{Op: "jail_get", Name: "7", Errno: syscall.ENOENT}, kernel.ErrNotFound},
		{OpJailRemove, syscall.EPERM, func() error { return s.JailRemove(ctx, id) }, &kernel.JailError{Op: "jail_remove", Name: id.String(), Errno: syscall.EPERM}, nil},
		{OpNmount, syscall.ENOENT, func() error { _, err := s.Nmount(ctx, kernel.MountRequest{Type: "tmpfs", Path: "/mnt"}); return err }, &kernel.CallError{Op: "nmount", Subject: "/mnt", Errno: syscall.ENOENT, Err: kernel.ErrNotFound}, kernel.ErrNotFound},
		{OpUnmount, syscall.EINVAL, func() error { return s.Unmount(ctx, "/mnt", 0) }, &kernel.CallError{Op: "unmount", Subject: "/mnt", Errno: syscall.EINVAL, Msg: "nothing is mounted there", Err: kernel.ErrNotFound}, kernel.ErrNotFound},
		{OpDevfsAdd, syscall.EEXIST, func() error { return s.DevfsAddRule(ctx, 7, kernel.DevfsRule{}) }, &kernel.CallError{Op: "DEVFSIO_RADD", Subject: "ruleset 7", Errno: syscall.EEXIST, Err: kernel.ErrExists}, kernel.ErrExists},
		{OpRctlAddRule, syscall.ENOSYS, func() error { return s.RctlAddRule(ctx, "jail:web:maxproc:deny=1") }, &kernel.CallError{Op: "rctl_add_rule", Subject: "jail:web:maxproc:deny=1", Errno: syscall.ENOSYS, Msg: "needs kern.racct.enable=1 in loader.conf(5) and a reboot", Err: kernel.ErrUnsupported}, kernel.ErrUnsupported},
		{OpCpusetSet, syscall.EDEADLK, func() error { return s.CpusetSet(ctx, id, []int{0}) }, &kernel.CallError{Op: "cpuset_setaffinity", Subject: id.String(), Errno: syscall.EDEADLK, Msg: "no CPU would be left"}, nil},
		{OpInterfaceSetMTU, syscall.ENXIO, func() error { return s.InterfaceSetMTU(ctx, "em0", 9000) }, &kernel.CallError{Op: "SIOCSIFMTU", Subject: "em0", Errno: syscall.ENXIO, Err: kernel.ErrNotFound}, kernel.ErrNotFound},
		{OpProcessSignal, syscall.ESRCH, func() error { return s.ProcessSignal(ctx, kernel.Process{PID: 7}, 9) }, &kernel.CallError{Op: "kill", Subject: "pid 7", Errno: syscall.ESRCH, Msg: "the process has ended", Err: kernel.ErrStale}, kernel.ErrStale},
		{OpRun, syscall.ENOENT, func() error { _, err := s.Run(ctx, kernel.Command{Argv: []string{"/nope"}}); return err }, &kernel.CallError{Op: "execve", Subject: "/nope", Errno: syscall.ENOENT, Err: kernel.ErrNotFound}, kernel.ErrNotFound},
		{OpSysctl, syscall.ENOENT, func() error { _, err := s.SysctlString(ctx, "kern.nope"); return err }, &kernel.CallError{Op: "sysctl", Subject: "kern.nope", Errno: syscall.ENOENT, Err: kernel.ErrNotFound}, kernel.ErrNotFound},
		{OpIpfwAdd, syscall.EINVAL, func() error { return s.IpfwAdd(ctx, 1) }, &kernel.CallError{Op: "ipfw", Errno: syscall.EINVAL}, nil},
		{OpPfLoad, syscall.EINVAL, func() error { return s.PfLoad(ctx, "ioc/web", "") }, &kernel.CallError{Op: "pfctl", Subject: "ioc/web", Errno: syscall.EINVAL}, nil},
	} {
		remove := s.Fail(t, fault.Fault{Op: c.op, Err: c.errno})
		err := c.call()
		remove()
		require.Equal(t, c.want, err, c.op)
		require.ErrorIs(t, err, c.errno)
		if c.is != nil {
			require.ErrorIs(t, err, c.is)
		}
	}
}

// TestInjectedCause: another error is wrapped, and one of the kernel's types is
// returned as it is.
func TestInjectedCause(t *testing.T) {
	s := newSim(t, Options{})
	remove := s.Fail(t, fault.Fault{Op: OpNmount, Err: fmt.Errorf("%w: %w", errInjected, syscall.EIO)})
	_, err := s.Nmount(t.Context(), kernel.MountRequest{Type: "tmpfs", Path: "/mnt"})
	remove()
	require.ErrorIs(t, err, errInjected)
	require.ErrorIs(t, err, syscall.EIO)
	require.True(t, strings.HasPrefix(err.Error(), "nmount /mnt: the disk is on fire"), err.Error())

	own := &kernel.JailError{Op: "jail_set", Name: "x", Err: errInjected}
	s.Fail(t, fault.Fault{Op: OpJailSet, Err: own})
	require.Same(t, own, createJail(t, s, "a"))
}
