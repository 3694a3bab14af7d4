package jail_test

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// TestAnchorOfAFormerRun: a jail ended by itself, lost its forward and was started again.
// The rules of its former run stayed while another jail was given the port.
func TestAnchorOfAFormerRun(t *testing.T) {
	h, j := withNet(t, map[string]string{"ip4_addr": "em0|192.0.2.9/24", "user.forwards": "8080:80"})
	ctx := t.Context()
	require.NoError(t, h.Kernel.JailRemove(ctx, stackOf(t, h, j).id))
	_, err := j.Set(ctx, map[string]string{"user.forwards": ""}, jail.SetOptions{})
	require.NoError(t, err)
	require.NotEmpty(t, anchorOf(t, h, j))
	start(t, j)
	require.Empty(t, anchorOf(t, h, j))
	b := newJail(t, h, "b", false, map[string]string{"ip4_addr": "em0|192.0.2.10/24", "user.forwards": "8080:80"})
	start(t, b)
	_, err = j.Sync(ctx, jail.SyncOptions{})
	require.NoError(t, err)
	require.Empty(t, anchorOf(t, h, j))
	require.NotEmpty(t, anchorOf(t, h, b))
}

// TestBridgeOfAFormerRun: the bridge that a run had made was forgotten when the jail ended by
// itself and was started again on another one.
func TestBridgeOfAFormerRun(t *testing.T) {
	ctx := t.Context()
	h := netHost(t)
	before := networkWorld(t, h)
	j := newJail(t, h, "web", false, map[string]string{"vnet": "yes", "interfaces": "vnet0:jailnet", "user.network.bridge": "create"})
	start(t, j)
	require.Contains(t, interfaceNames(t, h.Sim), "jailnet")
	require.NoError(t, h.Kernel.JailRemove(ctx, stackOf(t, h, j).id))
	_, err := j.Set(ctx, map[string]string{"interfaces": "vnet0:bridge0"}, jail.SetOptions{})
	require.NoError(t, err)
	start(t, j)
	require.NotContains(t, interfaceNames(t, h.Sim), "jailnet")
	require.Equal(t, []string{hostEnd("vnet0", stackOf(t, h, j).id)}, stackOf(t, h, j).members("bridge0"))
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	requireSame(t, before, networkWorld(t, h))
}

// unlockedInterfaces is a kernel that does something before the nth time that interfaces are
// listed without the lock of the records.
type unlockedInterfaces struct {
	kernel.Kernel
	h   *simhost.Host
	nth int
	do  func()
}

func (k *unlockedInterfaces) Interfaces(ctx context.Context) ([]kernel.Interface, error) {
	if k.do != nil {
		if unlock, err := k.h.Lock(ctx, "network/records", "test", jail.BusyFail); err == nil {
			unlock()
			if k.nth--; k.nth == 0 {
				do := k.do
				k.do = nil
				do()
			}
		}
	}
	return k.Kernel.Interfaces(ctx)
}

// TestSweepBesideAStop: Recover released the addresses of a jail that had ended and removed
// its record later. A stop in between left that record an address, which then belonged to
// nobody and stayed.
func TestSweepBesideAStop(t *testing.T) {
	shared := netip.MustParseAddr("192.0.2.77")
	done := false
	for nth := 1; !done && !t.Failed(); nth++ {
		t.Run(fmt.Sprint(nth), func(t *testing.T) {
			ctx := t.Context()
			h := netHost(t)
			conf := map[string]string{"ip4_addr": "em0|192.0.2.77/24"}
			b, a := newJail(t, h, "b", false, conf), newJail(t, h, "a", false, conf)
			start(t, b) // adds the address
			start(t, a)
			require.NoError(t, h.Kernel.JailRemove(ctx, stackOf(t, h, a).id))
			require.True(t, hostHas(t, h, shared))
			stop := func() {
				_, err := b.Stop(context.Background(), jail.StopOptions{})
				assert.NoError(t, err)
			}
			real := h.Kernel
			k := &unlockedInterfaces{Kernel: real, h: h, nth: nth, do: stop}
			h.Kernel = k
			_, err := jail.Recover(ctx, h.Host)
			require.NoError(t, err)
			h.Kernel = real
			if done = k.do != nil; done {
				require.Greater(t, nth, 2, "Recover lists interfaces twice without the lock")
				stop()
			}
			_, err = jail.Recover(ctx, h.Host)
			require.NoError(t, err)
			require.False(t, hostHas(t, h, shared))
		})
	}
}

// afterList is a kernel that does something once, after all jails were listed.
type afterList struct {
	kernel.Kernel
	do func()
}

func (k *afterList) JailList(ctx context.Context, flags kernel.GetFlags, want ...string) iter.Seq2[kernel.Params, error] {
	return func(yield func(kernel.Params, error) bool) {
		k.Kernel.JailList(ctx, flags, want...)(yield)
		if do := k.do; do != nil {
			k.do = nil
			do()
		}
	}
}

// TestSweepLooksTwice: a jail that jail(8) starts after Recover has listed the jails keeps
// its limits: the library's own lock does not hold jail(8).
func TestSweepLooksTwice(t *testing.T) {
	ctx := t.Context()
	h := netHost(t)
	newJail(t, h, "web", false, nil)
	require.NoError(t, h.Sim.RctlAddRule(ctx, "jail:ioc-web:maxproc:deny=7"))
	h.Kernel = &afterList{Kernel: h.Kernel, do: func() { up(t, h, "ioc-web") }}
	_, err := jail.Recover(ctx, h.Host)
	require.NoError(t, err)
	rules, err := h.Sim.RctlGetRules(ctx, "jail:ioc-web")
	require.NoError(t, err)
	require.Equal(t, []string{"jail:ioc-web:maxproc:deny=7"}, rules)

	require.NoError(t, h.Sim.JailRemove(ctx, stackOf(t, h, load(t, h, "web")[0]).id))
	_, err = jail.Recover(ctx, h.Host)
	require.NoError(t, err)
	rules, err = h.Sim.RctlGetRules(ctx, "jail:ioc-web")
	require.NoError(t, err)
	require.Empty(t, rules)
}
