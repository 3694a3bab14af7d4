package jail

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/libioc/go-libioc/config/key"
)

// Ended reports whether the jail's last run has ended without Stop: the jail runs,
// but has no process, although it has an exec_start; or it does not run, and what the
// run has mounted or its network's record is still there, which Stop takes away. So it
// is with a jail that is not persistent, which ends with its last process, and with
// one that jail(8) removed. [Recover] takes away what such a jail had left and writes
// down that it has ended, until the next Start, Stop with Force, or reboot.
//
// Errors: ErrBusy while an operation has its journal, also an interrupted one that
// was not recovered yet; ErrNotFound, those of Identity.
func (j *Jail) Ended(ctx context.Context) (bool, error) {
	j = j.still()
	ended, err := j.ended(ctx)
	if err != nil || !ended {
		return false, err
	}
	// In the middle of a start or a stop it looks the same. The lock would say so too,
	// but to take it would keep others from it.
	if _, err := os.Lstat(j.journal()); !errors.Is(err, fs.ErrNotExist) {
		return false, j.refused("look after", errors.Join(ErrBusy, err))
	}
	return j.ended(ctx)
}

func (j *Jail) ended(ctx context.Context) (bool, error) {
	id, err := j.identity(ctx)
	switch {
	case err != nil:
		return false, err
	case !id.IsZero():
		list, err := j.host.Kernel.ProcessList(ctx, id.JID)
		return err == nil && len(list) == 0 && key.ExecStart.Of(j.Effective()) != "", err
	}
	left, err := j.planRecoverMounts(ctx)
	if err != nil || left != nil {
		return left != nil, err
	}
	_, connected, err := j.netKey().Current(ctx, j.host)
	return connected, err
}

// noteEnd writes down that the jail has ended without Stop, unless the record of its
// network says so.
func (j *Jail) noteEnd(ctx context.Context) {
	_, connected, err := j.netKey().Current(ctx, j.host)
	if err == nil && !connected {
		err = j.netKey().Ended(ctx, j.host, j.Identifier())
	}
	if err != nil {
		j.host.Logger().Warn("note that the jail has ended", "jail", j.FullName(), "error", err)
	}
}

// forgetEnd removes that note from under a name that the jail has no more.
func (j *Jail) forgetEnd() {
	r, current, err := j.netKey().Current(context.Background(), j.host)
	if err == nil && current && over(r) {
		err = j.netKey().Remove(j.host)
	}
	if err != nil {
		j.host.Logger().Warn("forget that the jail has ended", "jail", j.FullName(), "error", err)
	}
}
