package simkernel

import (
	"context"
	"strings"
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

// TestRemedyOnSim asks machines that lack a feature.
func TestRemedyOnSim(t *testing.T) {
	ctx := context.Background()
	s := newSim(t, Options{NoRACCT: true, NoVIMAGE: true, NoZFS: true})
	f, err := s.Features(ctx)
	check(t, err)
	set := func(p kernel.Param) error {
		_, err := s.JailSet(ctx, kernel.JailCreate, kernel.String("name", "a"), kernel.String("path", "/j"), kernel.Bool("persist", true), p)
		return err
	}
	for want, err := range map[string]error{
		"kern.racct.enable=1": s.RctlAddRule(ctx, "jail:a:maxproc:deny=1"),
		"VIMAGE":              set(kernel.Jailsys("vnet", kernel.JailSysNew)),
		"kldload zfs":         set(kernel.Bool("allow.mount.zfs", true)),
		"needs FreeBSD 15":    set(kernel.String("meta", "a=b")),
	} {
		if got := f.Remedy(err); !strings.Contains(got, want) {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}
