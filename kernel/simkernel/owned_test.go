package simkernel

import (
	"context"
	"errors"
	"syscall"
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

// TestOwnedAfterCrash loads the records of a program that did not close its
// one-shot jail: on FreeBSD 15 it ended with the program, on 13 it did not.
func TestOwnedAfterCrash(t *testing.T) {
	ctx := context.Background()
	for release, stays := range map[string]bool{"13.2-RELEASE": true, "15.1-RELEASE": false} {
		var log []Record
		opts := Options{Release: release, Root: t.TempDir(), Commit: func(c []Record) error { log = append(log, c...); return nil }}
		s := newSim(t, opts)
		o, err := s.JailSetOwned(ctx, kernel.String("name", "once"), kernel.String("path", "/j"), kernel.Bool("persist", true))
		check(t, err)
		if o.ByDescriptor() == stays {
			t.Errorf("%s: by descriptor %v", release, o.ByDescriptor())
		}
		opts.Load = log
		again := newSim(t, opts)
		_, err = again.JailIdentify(ctx, kernel.JailDying, kernel.ByName("once"))
		if stays != (err == nil) || !stays && !errors.Is(err, kernel.ErrNotFound) {
			t.Errorf("%s: %v", release, err)
		}
	}
}

// TestDescriptorFlags gives flags of jail descriptors without the parameter
// desc, as the probe for them does.
func TestDescriptorFlags(t *testing.T) {
	ctx := context.Background()
	create := []kernel.Param{kernel.String("name", "a"), kernel.String("path", "/j"), kernel.Bool("persist", true)}
	for _, c := range []struct {
		release  string
		flag     uint32
		get, set syscall.Errno
		getMsg   string
	}{
		{"13.2-RELEASE", 0x40, syscall.EINVAL, syscall.EINVAL, ""},
		{"15.1-RELEASE", 0x10, syscall.ENOENT, syscall.ENOENT, "no jail specified"},
		{"15.1-RELEASE", 0x20, syscall.ENOENT, syscall.ENOENT, "missing desc"},
		{"15.1-RELEASE", 0x40, syscall.ENOENT, syscall.ENOENT, "missing desc"},
		{"15.1-RELEASE", 0x80, syscall.ENOENT, syscall.ENOENT, "missing desc"},
	} {
		s := newSim(t, Options{Release: c.release, Root: t.TempDir()})
		_, err := s.JailGet(ctx, kernel.GetFlags(c.flag), kernel.ByJID(0))
		var e *kernel.JailError
		if !errors.As(err, &e) || e.Errno != c.get || e.Msg != c.getMsg {
			t.Errorf("%s: get %#x: %v", c.release, c.flag, err)
		}
		_, err = s.JailSet(ctx, kernel.JailCreate|kernel.SetFlags(c.flag), create...)
		if !errors.As(err, &e) || e.Errno != c.set || c.set == syscall.ENOENT && e.Msg != "missing desc" {
			t.Errorf("%s: set %#x: %v", c.release, c.flag, err)
		}
	}
}
