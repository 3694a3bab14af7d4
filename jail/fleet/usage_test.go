package fleet_test

import (
	"context"
	"testing"
	"time"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/jail/fleet"
	"github.com/libioc/go-libioc/kernel"
	"github.com/stretchr/testify/require"
)

// racctKernel gives figures for one jail.
type racctKernel struct {
	kernel.Kernel
	asked []string
}

func (k *racctKernel) RctlGetRacct(ctx context.Context, filter string) (map[string]uint64, error) {
	k.asked = append(k.asked, filter)
	if _, err := k.Kernel.RctlGetRacct(ctx, filter); err != nil {
		return nil, err
	}
	return map[string]uint64{
		"cputime": 7, "pcpu": 150, "wallclock": 60, "memoryuse": 1 << 20, "swapuse": 4096, "vmemoryuse": 1 << 30,
		"maxproc": 3, "nthr": 9, "openfiles": 11, "readbps": 1, "writebps": 2,
	}, nil
}

func TestUsage(t *testing.T) {
	h := jailtest.OpenHost(t, simhost.Options{})
	ctx := context.Background()
	jailtest.PutPlain(t, h, "web.1", nil)
	jailtest.PutPlain(t, h, "down", nil)
	id := jailtest.Up(t, h, "ioc-web*1")
	k := &racctKernel{Kernel: h.Sim}
	again, err := host.New(h.ZFS, k, host.Options{Sources: []host.Source{{Name: "ioc", Dataset: simhost.Dataset}}, Files: h.Files()})
	require.NoError(t, err)
	want := jail.Usage{
		Identity: id, Counted: true, CPUTime: 7 * time.Second, CPUPercent: 150, WallClock: time.Minute, Memory: 1 << 20, Swap: 4096,
		Virtual: 1 << 30, Processes: 3, Threads: 9, OpenFiles: 11, ReadRate: 1, WriteRate: 2,
	}
	j, err := jail.Load(ctx, again, "web.1")
	require.NoError(t, err)
	u, err := j.Usage(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 7, u.Counters["cputime"])
	require.True(t, u.Disk.Known)
	require.Positive(t, u.Disk.Used)
	want.Counters, want.Disk = u.Counters, u.Disk
	require.Equal(t, want, u)
	require.Equal(t, []string{"jail:ioc-web*1"}, k.asked)

	jailtest.Up(t, h, "other")
	got := map[string]jail.Usage{}
	for u, err := range fleet.Usages(ctx, again) {
		require.NoError(t, err)
		got[u.Jail.Name()] = u.Usage
	}
	require.Len(t, got, 3)
	require.Equal(t, want, got["web.1"])
	require.False(t, got["down"].Counted)
	require.True(t, got["down"].Disk.Known)
	require.True(t, got["other"].Counted)
	require.False(t, got["other"].Disk.Known)
	require.Zero(t, h.Sim.Forks())
}
