package jail

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// Usage is what a jail uses now. The kernel's counters are summed over its processes
// and those of its children, see rctl(8) -u jail:NAME.
type Usage struct {
	Identity kernel.Identity // zero if it does not run: then only Disk is set

	// Counted is false if the kernel's counters are unknown: the jail does not run,
	// or kern.racct.enable is 0, which only loader.conf(5) changes.
	Counted    bool
	CPUTime    time.Duration // of all processors, to the second; since the jail began
	CPUPercent uint64        // of one processor
	WallClock  time.Duration // since the jail began
	Memory     uint64        // resident, bytes
	Swap       uint64        // bytes
	Virtual    uint64        // address space, bytes
	Processes  uint64
	Threads    uint64
	OpenFiles  uint64
	ReadRate   uint64 // bytes a second, of file systems other than ZFS's cache
	WriteRate  uint64 // bytes a second
	// Counters has every resource by the name that rctl(8) lists, in its units.
	Counters map[string]uint64

	// Network is the traffic of each interface of a jail with its own stack, by the
	// name that the jail gives it, since the jail's start. It is nil for a jail that
	// shares the host's stack, where its traffic cannot be told apart.
	Network map[string]Traffic

	// Disk is of the jail's datasets; zero for a foreign jail.
	Disk Disk
}

// Traffic is what went through an interface of a jail, as the jail sees it. The
// host's end of its epair(4) counts it.
type Traffic struct {
	ReceivedBytes   uint64
	ReceivedPackets uint64
	SentBytes       uint64
	SentPackets     uint64
}

// Disk is the space that a jail's datasets take in their pool, in bytes, as
// zfsprops(7) defines it.
type Disk struct {
	Known      bool
	Used       uint64 // with children and snapshots
	Available  uint64 // for more
	Referenced uint64 // by the dataset of the configuration alone
}

// Usage asks what the jail uses: the kernel, and ZFS with one process, unless the
// jail was listed with its Storage, whose figures it then returns. Errors: those
// of the kernel and of ZFS. A jail that does not run is not an error, nor is a
// kernel that does not count.
func (j *Jail) Usage(ctx context.Context) (Usage, error) {
	j = j.still()
	u, err := NewMeter(j.host).Usage(ctx, j)
	if err != nil || u.Disk.Known || j.foreign {
		return u, err
	}
	d, err := j.host.Store.Get(ctx, j.Dataset(), zfsstore.GetOptions{})
	if err != nil {
		return u, j.refused("measure", err)
	}
	u.Disk = diskOf(d)
	return u, nil
}

// A Meter measures many jails of one host: it reads the network counters, which
// the kernel returns for all of them, once.
type Meter struct {
	traffic func(context.Context) (map[string]map[string]Traffic, error)
}

// NewMeter returns a Meter that reads the network counters when it measures the
// first jail that runs.
func NewMeter(h *host.Host) *Meter {
	var once sync.Once
	var all map[string]map[string]Traffic
	var err error
	return &Meter{func(ctx context.Context) (map[string]map[string]Traffic, error) {
		once.Do(func() { all, err = readTraffic(ctx, h.Kernel) })
		return all, err
	}}
}

// Usage is [Jail.Usage] without starting a process: Disk is known only for a jail
// that was listed with its Storage. What could be measured is returned with the
// error.
func (m *Meter) Usage(ctx context.Context, j *Jail) (Usage, error) {
	j = j.still()
	u, err := j.counted(ctx)
	if d, ok := j.Storage(); ok {
		u.Disk = diskOf(d)
	}
	if u.Identity.JID != 0 {
		traffic, trafficErr := m.traffic(ctx)
		u.Network = traffic[j.Identifier()]
		err = errors.Join(err, trafficErr)
	}
	return u, j.refused("measure", err)
}

func diskOf(d zfsstore.Dataset) Disk { return Disk{true, d.Used, d.Available, d.Referenced} }

// readTraffic reads the counters of all jails, by name in the kernel and interface.
func readTraffic(ctx context.Context, k kernel.Kernel) (map[string]map[string]Traffic, error) {
	list, err := k.Interfaces(ctx)
	if err != nil {
		return nil, err
	}
	ends := network.HostEnds(list)
	if len(ends) == 0 {
		return nil, nil
	}
	counters, err := k.InterfaceCounters(ctx)
	if err != nil {
		return nil, err
	}
	counted := make(map[string]kernel.InterfaceCounters, len(counters))
	for _, c := range counters {
		counted[c.Name] = c
	}
	out := make(map[string]map[string]Traffic, len(ends))
	for jail, nics := range ends {
		out[jail] = make(map[string]Traffic, len(nics))
		for nic, name := range nics {
			c := counted[name]
			out[jail][nic] = Traffic{
				ReceivedBytes: c.SentBytes, ReceivedPackets: c.SentPackets,
				SentBytes: c.ReceivedBytes, SentPackets: c.ReceivedPackets,
			}
		}
	}
	return out, nil
}

// counted reads the counters of rctl(4).
func (j *Jail) counted(ctx context.Context) (Usage, error) {
	var u Usage
	id, err := j.identity(ctx)
	if err != nil || id.IsZero() {
		return u, err
	}
	u.Identity = id
	c, err := j.host.Kernel.RctlGetRacct(ctx, "jail:"+j.Identifier())
	switch {
	case errors.Is(err, kernel.ErrUnsupported):
		return u, nil
	case errors.Is(err, kernel.ErrNotFound):
		return Usage{}, nil // it has ended in the meantime
	case err != nil:
		return u, err
	}
	seconds := func(name string) time.Duration { return time.Duration(c[name]) * time.Second }
	u.Counted, u.Counters = true, c
	u.CPUTime, u.WallClock = seconds("cputime"), seconds("wallclock")
	u.CPUPercent = c["pcpu"]
	u.Memory, u.Swap, u.Virtual = c["memoryuse"], c["swapuse"], c["vmemoryuse"]
	u.Processes, u.Threads, u.OpenFiles = c["maxproc"], c["nthr"], c["openfiles"]
	u.ReadRate, u.WriteRate = c["readbps"], c["writebps"]
	return u, nil
}
