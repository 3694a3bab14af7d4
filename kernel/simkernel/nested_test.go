package simkernel

import (
	"net/netip"
	"syscall"
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

// TestNestedAsTheKernelHasIt: what was found to differ from real kernels.
func TestNestedAsTheKernelHasIt(t *testing.T) {
	ctx := t.Context()
	for _, release := range []string{"13.2-RELEASE", "15.1-RELEASE"} {
		t.Run(release, func(t *testing.T) {
			s := newSim(t, Options{Root: t.TempDir(), Release: release})
			p := newJail(t, s, "p", kernel.Int("children.max", 5), kernel.Int("securelevel", 2), kernel.Addrs("ip4.addr", netip.MustParseAddr("192.0.2.1")))
			o := newJail(t, s, "p.o", kernel.Jailsys("ip4", kernel.JailSysInherit))
			for id, want := range map[kernel.Identity]int{p: int(kernel.JailSysDisable), o: int(kernel.JailSysInherit)} {
				got, err := s.JailGet(ctx, 0, kernel.ByJID(id.JID), "ip4")
				check(t, err)
				if got.Int("ip4") != want {
					t.Errorf("ip4 of %s is %d, not %d", id.Name, got.Int("ip4"), want)
				}
			}

			// A name that begins with a dot names no parent.
			_, err := s.JailSet(ctx, kernel.JailUpdate, kernel.ByJID(p.JID), kernel.String("name", ".x"))
			wantErr(t, err, syscall.EINVAL)

			// 15 takes the caller's jail for the parent of one that is named by its jid.
			_, err = s.JailSet(ctx, kernel.JailUpdate, kernel.ByJID(o.JID), kernel.Int("securelevel", 1))
			if release == "13.2-RELEASE" {
				wantErr(t, err, syscall.EPERM)
			} else {
				check(t, err)
			}
			_, err = s.JailSet(ctx, kernel.JailUpdate, kernel.ByName("p.o"), kernel.Int("securelevel", 0))
			wantErr(t, err, syscall.EPERM)
		})
	}
}
