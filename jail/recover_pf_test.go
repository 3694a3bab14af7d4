package jail_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// beforeAnchors is a kernel that does something once, before it lists the anchors of pf(4).
type beforeAnchors struct {
	kernel.Kernel
	do func()
}

func (k *beforeAnchors) PfAnchors(ctx context.Context, root string) ([]string, error) {
	if do := k.do; do != nil {
		k.do = nil
		do()
	}
	return k.Kernel.PfAnchors(ctx, root)
}

// TestRecoverLeavesPfOfAJailThatStarts: Recover flushed the anchor of a jail that another
// process had begun to start since it had listed those that run.
func TestRecoverLeavesPfOfAJailThatStarts(t *testing.T) {
	ctx := t.Context()
	h := netHost(t)
	j := newJail(t, h, "web", false, map[string]string{"ip4_addr": "em0|192.0.2.9/24", "user.forwards": "80"})
	stale := network.Anchor("ioc-gone")
	require.NoError(t, h.Kernel.PfLoad(ctx, stale, "pass\n"))
	k := &beforeAnchors{Kernel: h.Kernel, do: func() {
		_, err := j.Start(ctx, jail.StartOptions{})
		assert.NoError(t, err)
	}}
	h.Kernel = k
	_, err := jail.Recover(ctx, h.Host)
	require.NoError(t, err)
	anchors, err := h.Kernel.PfAnchors(ctx, network.AnchorRoot)
	require.NoError(t, err)
	require.Equal(t, []string{network.Anchor(j.Identifier())}, anchors)
}

// TestRecoverLeavesPfOfAJailThatIsWorkedOn: Recover flushed the anchor of a jail that did
// not run yet while its start was at work.
func TestRecoverLeavesPfOfAJailThatIsWorkedOn(t *testing.T) {
	ctx := t.Context()
	h := netHost(t)
	j := newJail(t, h, "web", false, map[string]string{"ip4_addr": "em0|192.0.2.9/24"})
	anchor := network.Anchor(j.Identifier())
	recovered := false
	_, err := j.Start(plan.WithFault(ctx, func(p plan.Point) error {
		if recovered || p.Phase != "do" {
			return nil
		}
		recovered = true
		assert.NoError(t, h.Kernel.PfLoad(ctx, anchor, "pass\n"))
		_, err := jail.Recover(ctx, h.Host)
		assert.NoError(t, err)
		anchors, err := h.Kernel.PfAnchors(ctx, network.AnchorRoot)
		assert.NoError(t, err)
		assert.Equal(t, []string{anchor}, anchors)
		return nil
	}), jail.StartOptions{})
	require.NoError(t, err)
	require.True(t, recovered)
}
