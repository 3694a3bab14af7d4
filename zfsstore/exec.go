package zfsstore

import (
	"cmp"
	"runtime"
	"time"
)

// Exec is the Store of a host's real ZFS. Each operation is one process of
// zfs(8) or zpool(8), some of them run by github.com/mistifyio/go-zfs; List takes
// a second one only where the output is ambiguous. Most changes need root.
type Exec struct {
	zfs, zpool string
	canJail    bool
	limit      time.Duration // of a change
}

// ExecOptions are the options of NewExec.
type ExecOptions struct {
	ZFS   string // the program zfs(8); default "zfs", searched in PATH
	Zpool string // the program zpool(8); default "zpool"
	// ChangeLimit is how long one change may take; default 5 minutes. The end of a
	// context does not end a change that has begun: a killed zfs-rename(8) leaves
	// a tree unmounted. After ChangeLimit zfs(8) is killed, and the error is
	// context.DeadlineExceeded.
	ChangeLimit time.Duration
}

// changeLimit is the default of ChangeLimit.
const changeLimit = 5 * time.Minute

var _ Store = (*Exec)(nil)

// NewExec returns the Store of this host. It runs nothing yet: where there is
// no ZFS, each operation returns ErrUnsupported.
func NewExec(opts ExecOptions) *Exec {
	e := &Exec{
		zfs: cmp.Or(opts.ZFS, "zfs"), zpool: cmp.Or(opts.Zpool, "zpool"),
		canJail: runtime.GOOS == "freebsd", limit: opts.ChangeLimit,
	}
	if e.limit <= 0 {
		e.limit = changeLimit
	}
	return e
}

// command returns a command of zfs(8) on a dataset.
func (e *Exec) command(dataset string, args []string) command {
	return command{program: e.zfs, op: args[0], dataset: dataset, args: args}
}
