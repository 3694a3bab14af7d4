package simkernel

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/libioc/go-libioc/kernel"
)

// manyJails boots a kernel with n jails.
func manyJails(t testing.TB, n int) *Kernel {
	t.Helper()
	s := newSim(t, Options{})
	for i := range n {
		_, err := s.JailSet(context.Background(), kernel.JailCreate, kernel.String("name", "j"+strconv.Itoa(i)), kernel.String("path", "/j"), kernel.Bool("persist", true))
		check(t, err)
	}
	return s
}

// TestScale: the time to list grows with the number of jails, that to get one
// does not. The bounds are wide, for busy machines.
func TestScale(t *testing.T) {
	ctx := context.Background()
	list := func(s *Kernel) time.Duration {
		best := time.Hour
		for range 12 {
			began := time.Now()
			for _, err := range s.JailList(ctx, 0, "path", "host.hostname") {
				check(t, err)
			}
			best = min(best, time.Since(began))
		}
		return best
	}
	get := func(s *Kernel, name string) time.Duration {
		best := time.Hour
		for range 20 {
			began := time.Now()
			for range 50 {
				_, err := s.JailGet(ctx, 0, kernel.ByName(name), "jid", "path")
				check(t, err)
			}
			best = min(best, time.Since(began))
		}
		return best
	}
	small, big := manyJails(t, 500), manyJails(t, 10000)
	if a, b := list(small), list(big); b > 100*a {
		t.Errorf("listing 500 jails takes %v, 10000 take %v", a, b)
	}
	if a, b := get(small, "j499"), get(big, "j9999"); b > 20*a {
		t.Errorf("getting one of 500 takes %v, of 10000 %v", a, b)
	}
}

// TestConcurrent is for the race detector: all kinds of calls at once.
func TestConcurrent(t *testing.T) {
	ctx := context.Background()
	s := newSim(t, Options{Commit: func([]Record) error { return nil }})
	defer s.Close()
	keep := newJail(t, s, "keep")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := "c" + strconv.Itoa(i)
			for range 20 {
				_, err := s.JailSet(ctx, kernel.JailCreate, kernel.String("name", name), kernel.String("path", "/j"), kernel.Jailsys("vnet", kernel.JailSysNew), kernel.Bool("persist", true))
				if err != nil {
					t.Error(err)
					return
				}
				id, err := s.JailIdentify(ctx, 0, kernel.ByName(name))
				if err != nil {
					t.Error(err)
					return
				}
				ifname, err := s.InterfaceCreate(ctx, "epair")
				if err != nil {
					t.Error(err)
					return
				}
				if e, err := s.Run(ctx, kernel.Command{Jail: id, Argv: []string{"/bin/sh", "-c", "echo x; sleep 60 &"}}); err != nil || !e.Success() {
					t.Error(e, err)
				}
				for range s.JailList(ctx, kernel.JailDying, "ip4.addr") {
				}
				_ = s.Busy("/j")
				_ = s.Calls()
				other := ifname[:len(ifname)-1] + "b"
				for _, err := range []error{s.InterfaceToVnet(ctx, ifname, id), s.JailRemove(ctx, id), s.InterfaceDestroy(ctx, other)} {
					if err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if _, err := s.JailGet(ctx, 0, kernel.ByJID(keep.JID), "name"); err != nil {
		t.Error(err)
	}
}

func BenchmarkSimJailList(b *testing.B) {
	s := manyJails(b, 10000)
	for b.Loop() {
		for _, err := range s.JailList(context.Background(), 0, "path") {
			check(b, err)
		}
	}
}

func BenchmarkSimCreateRemove(b *testing.B) {
	s := manyJails(b, 1000)
	ctx := context.Background()
	for b.Loop() {
		_, err := s.JailSet(ctx, kernel.JailCreate, kernel.String("name", "x"), kernel.String("path", "/j"), kernel.Bool("persist", true))
		check(b, err)
		id, err := s.JailIdentify(ctx, 0, kernel.ByName("x"))
		check(b, err)
		check(b, s.JailRemove(ctx, id))
	}
}
