package main

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/zfsstore"
)

// expected are the answers that an operation may give while others, an administrator
// and a full disk are about.
var expected = []error{
	jail.ErrRunning, jail.ErrNotRunning, jail.ErrExists, jail.ErrNotFound, jail.ErrBusy, jail.ErrPlanStale, jail.ErrReplaced,
	jail.ErrDependants, jail.ErrSnapshotNotFound, jail.ErrSnapshotExists, jail.ErrNewerSnapshots, jail.ErrForeign, jail.ErrConfig,
	release.ErrFetched, release.ErrNotFetched, release.ErrInUse,
	host.ErrNotMounted, host.ErrBusy, config.ErrMalformed, context.Canceled, context.DeadlineExceeded,
	zfsstore.ErrNotFound, zfsstore.ErrExists, zfsstore.ErrBusy, zfsstore.ErrHasChildren, zfsstore.ErrHasDependents, zfsstore.ErrParentNotFound,
	zfsstore.ErrMounted, zfsstore.ErrNotMounted, zfsstore.ErrNewerSnapshots, zfsstore.ErrNoSpace,
	kernel.ErrNotFound, kernel.ErrExists, kernel.ErrStale, kernel.ErrDying,
	fs.ErrNotExist, syscall.EBUSY, syscall.ENOSPC, syscall.EDQUOT,
}

func expects(err error) bool {
	for _, e := range expected {
		if errors.Is(err, e) {
			return true
		}
	}
	return err == nil
}
