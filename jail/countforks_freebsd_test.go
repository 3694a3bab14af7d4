package jail_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// countForks begins to count the processes that this one and its descendants
// make, and returns what ends it and tells how many there were. What cron(8) and
// devd(8) start in the meantime does not count, as it would in vm.stats.vm.v_forks.
func countForks(t testing.TB) (ended func() int64) {
	t.Helper()
	kq, err := unix.Kqueue()
	require.NoError(t, err)
	watch := unix.Kevent_t{Fflags: unix.NOTE_TRACK}
	unix.SetKevent(&watch, os.Getpid(), unix.EVFILT_PROC, unix.EV_ADD)
	_, err = unix.Kevent(kq, []unix.Kevent_t{watch}, nil, nil)
	require.NoError(t, err)
	return func() int64 {
		t.Helper()
		defer unix.Close(kq)
		// The kernel queues NOTE_CHILD before fork(2) returns. A child is reported
		// more than once when its parent's own event was not read by then.
		children := map[uint64]bool{}
		queued := make([]unix.Kevent_t, 256)
		for {
			n, err := unix.Kevent(kq, nil, queued, &unix.Timespec{})
			require.NoError(t, err)
			if n == 0 {
				return int64(len(children))
			}
			for _, e := range queued[:n] {
				require.Zero(t, e.Fflags&unix.NOTE_TRACKERR, "kevent(2) lost a process")
				if e.Fflags&unix.NOTE_CHILD != 0 {
					children[uint64(e.Ident)] = true
				}
			}
		}
	}
}

func TestCountForks(t *testing.T) {
	for script, want := range map[string]int64{
		":":                             1,
		"/bin/sleep 0; :":               2,
		"/bin/sleep 0; /bin/sleep 0; :": 3,
		"(/bin/sleep 0; (/bin/sleep 0; :); :); :": 5,
	} {
		made := countForks(t)
		require.NoError(t, exec.Command("/bin/sh", "-c", script).Run())
		require.Equal(t, want, made(), script)
	}
	made := countForks(t)
	require.Zero(t, made())
	made = countForks(t)
	require.NoError(t, exec.Command("/bin/sh", "-c", "i=0; while [ $i -lt 1000 ]; do /bin/sleep 0; i=$((i+1)); done").Run())
	require.Equal(t, int64(1001), made())
}
