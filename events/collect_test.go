package events

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestCollectReturnsTheVeryError(t *testing.T) {
	cause := &fs.PathError{Op: "mount", Path: "/dev", Err: fs.ErrPermission}
	op := NewOperation(Options{Room: 4})
	s := op.Begin(JailStart{})
	s.Begin(MountDevFS{}).Fail(cause, "")
	s.Fail(fmt.Errorf("start web: %w", cause), "")
	op.Close(cause)
	all, err := Collect(context.Background(), op.Events())
	if len(all) != 4 {
		t.Errorf("%d events", len(all))
	}
	var got *fs.PathError
	if !errors.Is(err, fs.ErrPermission) || !errors.As(err, &got) || got != cause {
		t.Errorf("error %v", err)
	}
}

// A context that has ended does not hide an operation that has ended too.
func TestCollectPrefersTheChannel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 100 {
		op := NewOperation(Options{Room: 2})
		op.Begin(JailStart{}).Done("")
		op.Close(nil)
		if all, err := Collect(ctx, op.Events()); len(all) != 2 || err != nil {
			t.Fatalf("%d events, %v", len(all), err)
		}
	}
	if err := Wait(ctx, Refuse(Options{}, JailStart{}, errBoom)); err != errBoom {
		t.Errorf("Wait: %v", err)
	}
}

func TestCollectEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(context.Background())
		op := NewOperation(Options{Room: 2})
		op.Begin(JailStart{})
		go func() {
			synctest.Wait() // Collect has the event and waits
			cancel(errBoom)
		}()
		all, err := Collect(ctx, op.Events())
		if len(all) != 1 || err != errBoom {
			t.Errorf("%d events, %v", len(all), err)
		}
		if err := Wait(ctx, op.Events()); err != errBoom {
			t.Errorf("Wait: %v", err)
		}
	})
}

func TestCollectWaitsForTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		op := NewOperation(Options{Room: 2})
		go func() {
			synctest.Wait()
			s := op.Begin(JailStart{})
			synctest.Wait()
			s.Fail(errBoom, "")
			op.Close(errBoom)
		}()
		if all, err := Collect(t.Context(), op.Events()); len(all) != 2 || err != errBoom {
			t.Errorf("%d events, %v", len(all), err)
		}
	})
}

func TestEach(t *testing.T) {
	ch := make(chan IocEvent, 2)
	ch <- JailStart{Jail: "web"}
	ch <- JailStart{Jail: "web", Header: Header{State: Failed, Err: errBoom}}
	close(ch)
	var shown []string
	err := Each(ch, func(e IocEvent) { shown = append(shown, e.String()) })
	require.Equal(t, errBoom, err)
	require.Equal(t, []string{"[-] JailStart: ...", "[-] JailStart: FAILED: boom [0.000s]"}, shown)
}
