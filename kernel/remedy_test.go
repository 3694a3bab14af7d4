package kernel

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
)

func TestRemedy(t *testing.T) {
	unknown := func(name string) error {
		return fmt.Errorf("start: %w", &JailError{Op: "jail_set", Param: name, Errno: syscall.EINVAL, Msg: "unknown parameter: " + name})
	}
	full := Features{OSRelDate: 1302001, VIMAGE: true, RACCT: true, ZFSVersion: "2.1.9"}
	jailed, secure := full, full
	jailed.Jailed, secure.SecureLvl = true, 2
	for _, c := range []struct {
		f    Features
		err  error
		want string
	}{
		{Features{}, &CallError{Op: "rctl_add_rule", Errno: syscall.ENOSYS, Err: ErrUnsupported}, "rctl needs kern.racct.enable=1 in loader.conf(5) and a reboot"},
		{Features{}, unknown("vnet"), "VIMAGE"},
		{Features{}, unknown("allow.mount.nozfs"), "kldload zfs"},
		{Features{}, unknown("zfs.mount_snapshot"), "kldload zfs"},
		{full, unknown("allow.mount.tmpfs"), "kldload tmpfs"},
		{full, unknown("sysvshm"), "kldload sysvshm"},
		{full, unknown("linux.osname"), "kldload linux64"},
		{full, unknown("mac.do"), "kldload mac_do"},
		{full, unknown("allow.vmm"), "kldload vmm"},
		{full, unknown("meta"), "needs FreeBSD 15"},
		{Features{OSRelDate: 1501000}, unknown("meta"), ""},
		{full, unknown("no.such"), ""},
		{jailed, &JailError{Op: "jail_set", Errno: syscall.EPERM}, "on the host"},
		{secure, &CallError{Op: "nmount", Errno: syscall.EPERM}, "kern.securelevel"},
		{full, &CallError{Op: "nmount", Errno: syscall.EPERM}, ""},
		{full, errors.New("another"), ""},
		{full, nil, ""},
	} {
		got := c.f.Remedy(c.err)
		if !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}
