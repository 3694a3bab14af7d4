package kernel

import (
	"context"
	"errors"
	"syscall"
	"testing"
)

// TestSimOwnedAfterCrash loads the records of a program that did not close its
// one-shot jail: on FreeBSD 15 it ended with the program, on 13 it did not.
func TestSimOwnedAfterCrash(t *testing.T) {
	ctx := context.Background()
	for release, stays := range map[string]bool{"13.2-RELEASE": true, "15.1-RELEASE": false} {
		var log []SimRecord
		opts := SimOptions{Release: release, Root: t.TempDir(), Commit: func(c []SimRecord) error { log = append(log, c...); return nil }}
		s := newSim(t, opts)
		o, err := s.JailSetOwned(ctx, String("name", "once"), String("path", "/j"), Bool("persist", true))
		check(t, err)
		if o.ByDescriptor() == stays {
			t.Errorf("%s: by descriptor %v", release, o.ByDescriptor())
		}
		opts.Load = log
		again := newSim(t, opts)
		_, err = again.JailIdentify(ctx, JailDying, ByName("once"))
		if stays != (err == nil) || !stays && !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", release, err)
		}
	}
}

// TestSimDescriptorFlags gives flags of jail descriptors without the parameter
// desc, as the probe for them does.
func TestSimDescriptorFlags(t *testing.T) {
	ctx := context.Background()
	create := []Param{String("name", "a"), String("path", "/j"), Bool("persist", true)}
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
		s := newSim(t, SimOptions{Release: c.release, Root: t.TempDir()})
		_, err := s.JailGet(ctx, GetFlags(c.flag), ByJID(0))
		var e *JailError
		if !errors.As(err, &e) || e.Errno != c.get || e.Msg != c.getMsg {
			t.Errorf("%s: get %#x: %v", c.release, c.flag, err)
		}
		_, err = s.JailSet(ctx, JailCreate|SetFlags(c.flag), create...)
		if !errors.As(err, &e) || e.Errno != c.set || c.set == syscall.ENOENT && e.Msg != "missing desc" {
			t.Errorf("%s: set %#x: %v", c.release, c.flag, err)
		}
	}
}

func TestJailChanges(t *testing.T) {
	a, b := Identity{1, "a", 3}, Identity{2, "b", 4}
	again := Identity{1, "a", 5}
	look := func(id Identity, v string) jailLook { return jailLook{id, []byte(v)} }
	for _, c := range []struct {
		what        string
		before, now []jailLook
		first       bool
		want        []JailEvent
	}{
		{"first", nil, []jailLook{look(a, "x")}, true, []JailEvent{{JailThere, a}}},
		{"nothing", []jailLook{look(a, "x")}, []jailLook{look(a, "x")}, false, nil},
		{"changed", []jailLook{look(a, "x")}, []jailLook{look(a, "y")}, false, []JailEvent{{JailChanged, a}}},
		{"made and removed", []jailLook{look(a, "x")}, []jailLook{look(b, "x")}, false, []JailEvent{{JailRemoved, a}, {JailMade, b}}},
		{"another life", []jailLook{look(a, "x")}, []jailLook{look(again, "x")}, false, []JailEvent{{JailRemoved, a}, {JailMade, again}}},
	} {
		got := jailChanges(c.before, c.now, c.first)
		if len(got) != len(c.want) {
			t.Errorf("%s: %v", c.what, got)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %v, want %v", c.what, got, c.want)
			}
		}
	}
}
