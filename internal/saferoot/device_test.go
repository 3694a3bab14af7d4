//go:build linux && !osroot

package saferoot

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// /proc is a mount point on every Linux system that runs this test.
func TestSameDevice(t *testing.T) {
	var root, proc unix.Stat_t
	if err := errors.Join(unix.Stat("/", &root), unix.Stat("/proc", &proc)); err != nil {
		t.Fatal(err)
	}
	if root.Dev == proc.Dev {
		t.Fatal("/proc is not mounted")
	}
	for _, tt := range []struct {
		options Options
		refused bool
	}{
		{Options{}, false},
		{Options{SameDevice: true}, true},
		{Options{SameDevice: true, Devices: []uint64{proc.Dev}}, false},
	} {
		r, err := tt.options.Open("/")
		if err != nil {
			t.Fatal(err)
		}
		for _, rel := range []string{"proc", "proc/version"} {
			_, statErr := r.Lstat(rel)
			_, mountErr := r.MountPoint(rel)
			for _, err := range []error{statErr, mountErr} {
				var escape *EscapeError
				if errors.As(err, &escape) != tt.refused || (!tt.refused && err != nil) {
					t.Errorf("%+v %s: %v", tt.options, rel, err)
				} else if tt.refused && (escape.Reason != ReasonMountPoint || escape.Component != "proc" || !errors.Is(err, unix.EXDEV)) {
					t.Errorf("%+v %s: refused for another reason: %v", tt.options, rel, err)
				}
			}
		}
		if _, err := r.OpenFile("dev/null", os.O_WRONLY, 0); !errors.Is(err, ErrEscape) {
			t.Errorf("opened a device: %v", err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
