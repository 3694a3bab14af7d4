//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
)

func (k *system) Getfsstat(ctx context.Context) ([]kernel.Mounted, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	count, errno := getfsstatCall(nil)
	for errno == 0 {
		buf := make([]byte, (count+8)*abi.StatfsSize)
		var n int
		if n, errno = getfsstatCall(buf); errno != 0 {
			break
		}
		if n < count+8 {
			return abi.ParseStatfsList(buf[:n*abi.StatfsSize]), nil
		}
		count = 2 * n // full, so there may be more
	}
	return nil, &kernel.CallError{Op: "getfsstat", Errno: errno}
}

func (k *system) Nmount(ctx context.Context, req kernel.MountRequest) (kernel.Mounted, error) {
	if err := ctx.Err(); err != nil {
		return kernel.Mounted{}, err
	}
	if err := precheck.Mount(req); err != nil {
		return kernel.Mounted{}, err
	}
	if err := k.refuseEmptyRuleset(ctx, req); err != nil {
		return kernel.Mounted{}, err
	}
	source := precheck.MountSource(req)
	guarded := len(req.Guarded) > 0 && strings.HasPrefix(source, "/")
	var found unix.Stat_t
	if guarded {
		var err error
		if found, err = walkSource(req, source); err != nil {
			return kernel.Mounted{}, err
		}
	}
	m, err := k.nmount(ctx, req)
	if err != nil || !guarded {
		return m, err
	}
	if err := sameSource(req, m, source, found); err != nil {
		if errno := forceUnmount(m.FSID); errno != 0 {
			err = errors.Join(err, unmountError(m.FSID.String(), errno))
		}
		return kernel.Mounted{}, err
	}
	return m, nil
}

// sameSource checks that what was mounted is what was found before, for the
// kernel has looked the path up again. A nullfs shows the files of its source
// with all their attributes but the device, so the file's number, generation and
// birth identify it. Other file systems do not show it, and the path is walked again.
func sameSource(req kernel.MountRequest, m kernel.Mounted, source string, found unix.Stat_t) error {
	if req.Type != "nullfs" {
		now, err := walkSource(req, source)
		if err == nil && (now.Dev != found.Dev || now.Ino != found.Ino || now.Gen != found.Gen) {
			err = precheck.Escapes(req, source)
		}
		return err
	}
	// Whatever is at the path now, only the root of the new file system counts.
	fd, err := unix.Open(req.Path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return lookupError(req.Path, err)
	}
	defer unix.Close(fd)
	var on unix.Statfs_t
	var now unix.Stat_t
	if err := errors.Join(unix.Fstatfs(fd, &on), unix.Fstat(fd, &now)); err != nil {
		return lookupError(req.Path, err)
	}
	if on.Fsid.Val != m.FSID.Val || now.Ino != found.Ino || now.Gen != found.Gen || now.Btim != found.Btim ||
		now.Mode&unix.S_IFMT != found.Mode&unix.S_IFMT {
		return precheck.Escapes(req, source)
	}
	return nil
}

// nmount mounts at the place that the request names, and nowhere else.
func (k *system) nmount(ctx context.Context, req kernel.MountRequest) (kernel.Mounted, error) {
	if req.Below == "" {
		if err := nmountCall(req); err != nil {
			return kernel.Mounted{}, err
		}
		m, errno := statfsCall(req.Path)
		if errno != 0 {
			return kernel.Mounted{}, &kernel.CallError{Op: "statfs", Subject: req.Path, Errno: errno, Msg: "mounted, but the path cannot be looked up"}
		}
		return m, nil
	}

	// One at a time: should the mount go astray, it is the one that did not
	// exist before.
	k.mountMu.Lock()
	defer k.mountMu.Unlock()
	before, err := k.Getfsstat(ctx)
	if err != nil {
		return kernel.Mounted{}, err
	}
	real, err := mountPoint(req)
	if err != nil {
		return kernel.Mounted{}, err
	}
	if err := nmountCall(req); err != nil {
		return kernel.Mounted{}, err
	}
	if m, errno := statfsCall(req.Path); errno == 0 && m.Path == real && m.Type == req.Type {
		return m, nil
	}
	return kernel.Mounted{}, k.undoEscape(req, real, before)
}

// nmountCall makes the call.
func nmountCall(req kernel.MountRequest) error {
	_, _, msg, errno := pairsCall(unix.SYS_NMOUNT, abi.MountPairs(req), uintptr(uint32(req.Flags)), abi.MountErrMsgSize)
	if errno != 0 {
		return mountError(req, errno, msg)
	}
	return nil
}

func mountError(req kernel.MountRequest, errno syscall.Errno, msg string) error {
	e := &kernel.CallError{Op: "nmount", Subject: req.Path, Errno: errno, Msg: msg}
	for _, path := range [...]string{req.Path, precheck.MountSource(req)} {
		if path == "" {
			continue
		}
		// FreeBSD 13 reports EINVAL "Invalid fstype" for a missing path.
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			e.Subject, e.Err = path, kernel.ErrNotFound
			return e
		}
	}
	switch {
	case errno == syscall.ENOENT:
		e.Err = kernel.ErrNotFound
	case msg != "":
	case errno == syscall.EPERM:
		e.Msg = "only root may mount; in a jail it needs allow.mount, allow.mount." + req.Type + " and enforce_statfs below 2"
	case errno == syscall.EDEADLK:
		e.Msg = "the same source is mounted there already"
	case errno == syscall.EOPNOTSUPP && req.Flags&kernel.MntUpdate != 0:
		e.Msg = req.Type + " cannot be updated; unmount it and mount it again"
	}
	return e
}

// undoEscape unmounts a file system that was mounted in the wrong place: the path was
// changed between the walk and the call.
func (k *system) undoEscape(req kernel.MountRequest, real string, before []kernel.Mounted) error {
	e := &kernel.CallError{Op: "nmount", Subject: req.Path, Err: kernel.ErrEscape}
	after, err := k.Getfsstat(context.Background())
	if err != nil {
		e.Msg = "mounted elsewhere; the mounts cannot be listed: " + err.Error()
		return e
	}
	added := slices.DeleteFunc(after, func(m kernel.Mounted) bool {
		return m.Type != req.Type || slices.ContainsFunc(before, func(b kernel.Mounted) bool { return b.FSID == m.FSID })
	})
	if i := slices.IndexFunc(added, func(m kernel.Mounted) bool { return m.Path == real }); i >= 0 {
		// It is in the right place and only the look-up was misled.
		e.Msg = "the path changed while mounting; unmounted again"
		if errno := forceUnmount(added[i].FSID); errno != 0 {
			e.Msg = "the path changed while mounting; " + added[i].FSID.String() + " cannot be unmounted: " + errno.Error()
		}
		return e
	}
	switch len(added) {
	case 0:
		e.Msg = "mounted elsewhere and gone again"
	case 1:
		e.Msg = "mounted on " + added[0].Path + " instead; unmounted again"
		if errno := forceUnmount(added[0].FSID); errno != 0 {
			e.Errno, e.Msg = errno, "mounted on "+added[0].Path+" instead, where it cannot be unmounted"
		}
	default:
		// Other programs mount too; their mounts must stay.
		var paths []string
		for _, m := range added {
			paths = append(paths, m.Path)
		}
		e.Msg = "mounted on one of " + strings.Join(paths, ", ") + " instead, and still there"
	}
	return e
}

func forceUnmount(id kernel.FSID) syscall.Errno {
	return textCall(unix.SYS_UNMOUNT, id.String(), abi.MntByFSID|uint64(kernel.MntForce))
}

// refuseEmptyRuleset keeps devfs from showing every device of the host.
func (k *system) refuseEmptyRuleset(ctx context.Context, req kernel.MountRequest) error {
	if precheck.MayBeEmpty(req) {
		return nil
	}
	number, valid := precheck.Ruleset(req)
	if !valid {
		return nil // the kernel refuses the text
	}
	var empty bool
	var err error
	if number == 0 {
		empty = true
	} else {
		empty, err = rulesetIsEmpty(number)
	}
	if (err != nil && errors.Is(err, syscall.EPERM)) || empty {
		// In a jail a mount gets the jail's own ruleset, which it cannot see.
		if jailed, e := k.SysctlInt(ctx, "security.jail.jailed"); e == nil && jailed == 1 {
			return nil
		}
	}
	if err != nil || !empty {
		return err
	}
	return &kernel.CallError{
		Op: "nmount", Subject: req.Path, Err: kernel.ErrEmptyRuleset,
		Msg: "ruleset " + strconv.Itoa(int(number)) + " has no rules, so every device of the host would be visible",
	}
}

func (k *system) Unmount(ctx context.Context, path string, flags kernel.MountFlags) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return unmountError(path, textCall(unix.SYS_UNMOUNT, path, uint64(flags&^abi.MntByFSID)))
}

func (k *system) UnmountFSID(ctx context.Context, id kernel.FSID, flags kernel.MountFlags) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return unmountError(id.String(), textCall(unix.SYS_UNMOUNT, id.String(), uint64(flags)|abi.MntByFSID))
}

func unmountError(subject string, errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return refusal.Unmount("unmount", subject, errno)
}
