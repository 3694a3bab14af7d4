package step

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail/jailerr"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

// TestLimits: a step has the time that its processes have, and some to kill them.
func TestLimits(t *testing.T) {
	require.Equal(t, time.Minute+StuckAfter, RemoveJail{Grace: time.Minute}.Limit())
	require.Equal(t, time.Minute+killDelay, RunHook{Timeout: time.Minute}.Limit())
}

// TestTerminate: the processes of a jail are asked to end, and are waited for as long as
// they have.
func TestTerminate(t *testing.T) {
	newJail := func(t *testing.T) (*simhost.Host, kernel.Identity) {
		h := newHost(t)
		makes(t, h, "zroot/web")
		return h, runs(t, h, "ioc-web", "zroot/web")
	}
	ctx := context.Background()

	t.Run("they end", func(t *testing.T) {
		h, id := newJail(t)
		for range 2 {
			process(t, h, id, "sleeper")
		}
		require.NoError(t, terminate(ctx, h.Sim, id, time.Minute))
		list, err := h.Sim.ProcessList(ctx, id.JID)
		require.NoError(t, err)
		require.Empty(t, list)
		require.NoError(t, terminate(ctx, h.Sim, id, time.Minute), "without processes")
	})
	t.Run("no time", func(t *testing.T) {
		h, id := newJail(t)
		process(t, h, id, "sleeper")
		h.Sim.ResetCalls()
		require.NoError(t, terminate(ctx, h.Sim, id, 0))
		require.Empty(t, h.Sim.Calls())
	})
	for _, op := range []string{simkernel.OpProcessList, simkernel.OpProcessSignal, simkernel.OpProcessWait} {
		t.Run(op+" fails", func(t *testing.T) {
			h, id := newJail(t)
			process(t, h, id, "sleeper")
			kernelFails(t, h, op)
			require.ErrorIs(t, terminate(ctx, h.Sim, id, time.Minute), errProbe)
		})
	}
}

// lingering is a kernel whose processes live for some looks after their jail was removed.
type lingering struct {
	kernel.Kernel
	looks int
	after int // looks after which none is left
}

func (k *lingering) ProcessList(context.Context, int) ([]kernel.Process, error) {
	if k.looks++; k.looks > k.after {
		return nil, nil
	}
	return []kernel.Process{{PID: 7}}, nil
}

// TestRemoveWaits: a jail counts as removed once no process of it is left.
func TestRemoveWaits(t *testing.T) {
	for _, c := range []struct {
		name  string
		after int
		limit time.Duration
		looks int
		err   error
	}{
		{"at once", 0, 0, 1, nil},
		{"after a while", 2, time.Minute, 3, nil},
		{"never", 10, 0, 1, jailerr.ErrStuck},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t)
			makes(t, h, "zroot/web", "zroot/other")
			id := runs(t, h, "ioc-web", "zroot/web")
			_, err := h.Sim.HoldDying(id)
			require.NoError(t, err)
			k := &lingering{Kernel: h.Sim, after: c.after}
			h.Kernel = k
			require.ErrorIs(t, Remove(t.Context(), envOf(h), id, c.limit), c.err)
			require.Equal(t, c.looks, k.looks)
		})
	}
}

// TestRemoveOfGoneJail: a jail whose jid another has is not waited for, and a failure
// of the kernel is the step's.
func TestRemoveOfGoneJail(t *testing.T) {
	h := newHost(t)
	makes(t, h, "zroot/web")
	id := runs(t, h, "ioc-web", "zroot/web")
	other := id
	other.Name = "ioc-other"
	require.NoError(t, Remove(t.Context(), envOf(h), other, time.Minute))
	for _, op := range []string{simkernel.OpJailGet, simkernel.OpJailRemove, simkernel.OpProcessList} {
		restore := kernelFails(t, h, op)
		require.ErrorIs(t, Remove(t.Context(), envOf(h), id, time.Minute), errProbe, op)
		restore()
		if op == simkernel.OpJailRemove {
			_, err := h.Sim.JailIdentify(t.Context(), 0, kernel.ByName(id.Name))
			require.NoError(t, err)
		}
	}
}

// TestFamily: a jail's children end with it, and no jail that is only named alike.
func TestFamily(t *testing.T) {
	h := newHost(t)
	makes(t, h, "zroot/web")
	id := runs(t, h, "ioc-web", "zroot/web", kernel.Int("children.max", 5))
	runs(t, h, "ioc-web2", "zroot/web")
	jids, err := family(t.Context(), h.Sim, id)
	require.NoError(t, err)
	require.Equal(t, []int{id.JID}, jids)
	child := runs(t, h, "ioc-web.child", "zroot/web")
	jids, err = family(t.Context(), h.Sim, id)
	require.NoError(t, err)
	require.Equal(t, []int{id.JID, child.JID}, jids)

	for _, one := range []kernel.Identity{child, id} {
		_, err = h.Sim.HoldDying(one)
		require.NoError(t, err)
	}
	jids, err = dying(t.Context(), h.Sim, id.Name)
	require.NoError(t, err)
	require.Empty(t, jids)
	require.NoError(t, h.Sim.JailRemove(t.Context(), id))
	jids, err = dying(t.Context(), h.Sim, id.Name)
	require.NoError(t, err)
	require.Equal(t, []int{id.JID, child.JID}, jids)
}

// closer counts how often it is closed.
type closer int

func (c *closer) Close() error { *c++; return nil }

// TestOwnedJailIsReleased: a one-shot jail that was removed is closed once.
func TestOwnedJailIsReleased(t *testing.T) {
	var none *Run
	require.NoError(t, none.release())
	var closed closer
	r := &Run{owned: &closed}
	require.NoError(t, r.release())
	require.NoError(t, r.release())
	require.EqualValues(t, 1, closed)
}
