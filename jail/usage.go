package jail

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/zfsstore"
)

// Usage is what a jail uses now. What the kernel counts is summed over its
// processes and those of its children, rctl(8) -u jail:NAME.
type Usage struct {
	Identity kernel.Identity // zero when it does not run: only Disk counts then

	// Counted is false where nothing is known of the kernel's part: the jail does
	// not run, or kern.racct.enable is 0, which only loader.conf(5) changes.
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

	// Network is the traffic of each interface of a jail with its own stack, by
	// the jail's name of it, since the jail's start; nil for one that shares the
	// host's stack, where nothing tells its traffic from the host's.
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

// Disk is what a jail's datasets take of their pool, in bytes, as
// zfsprops(7) defines them.
type Disk struct {
	Known      bool
	Used       uint64 // with children and snapshots
	Available  uint64 // for more
	Referenced uint64 // by the dataset of the configuration alone
}

// Usage asks what the jail uses: the kernel, and ZFS with one process, unless the jail was listed with its Storage; that figure is of the listing
// then. Errors: those of the kernel and of ZFS; a jail that does not run and a
// kernel that does not count are none.
func (j *Jail) Usage(ctx context.Context) (Usage, error) {
	u, err := j.counted(ctx)
	if err != nil {
		return u, j.refused("measure", err)
	}
	if u.Identity.JID != 0 {
		t, err := readTraffic(ctx, j.host.Kernel)
		if err != nil {
			return u, j.refused("measure", err)
		}
		u.Network = t[j.Identifier()]
	}
	d, ok := j.Storage()
	if !ok && !j.foreign {
		d, err = j.host.Store.Get(ctx, j.Dataset(), zfsstore.GetOptions{})
		if err != nil {
			return u, j.refused("measure", err)
		}
		ok = true
	}
	if ok {
		u.Disk = Disk{true, d.Used, d.Available, d.Referenced}
	}
	return u, nil
}

// Usages lists the jails that the filters select, as List does, with what they
// use: no process is started but the one that reads ZFS. A jail that cannot be
// read, or measured, comes with its error.
func Usages(ctx context.Context, h *host.Host, filters ...string) iter.Seq2[JailUsage, error] {
	return func(yield func(JailUsage, error) bool) {
		traffic, trafficErr := readTraffic(ctx, h.Kernel)
		for j, err := range List(ctx, h, filters...) {
			if j == nil {
				yield(JailUsage{}, err)
				return
			}
			u, countErr := j.counted(ctx)
			if d, ok := j.Storage(); ok {
				u.Disk = Disk{true, d.Used, d.Available, d.Referenced}
			}
			if u.Identity.JID != 0 {
				u.Network = traffic[j.Identifier()]
				countErr = errors.Join(countErr, trafficErr)
			}
			if countErr != nil {
				err = errors.Join(err, j.refused("measure", countErr))
			}
			if !yield(JailUsage{j, u}, err) {
				return
			}
		}
	}
}

// JailUsage is one jail of Usages.
type JailUsage struct {
	Jail *Jail
	Usage
}

// readTraffic reads the counters of all jails: jail's kernel name, nic.
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

// counted is the part of rctl(4).
func (j *Jail) counted(ctx context.Context) (Usage, error) {
	var u Usage
	id, err := j.Identity(ctx)
	if errors.Is(err, ErrNotRunning) {
		return u, nil
	}
	if err != nil {
		return u, err
	}
	u.Identity = id
	c, err := j.host.Kernel.RctlGetRacct(ctx, "jail:"+j.Identifier())
	switch {
	case errors.Is(err, kernel.ErrUnsupported):
		return u, nil
	case errors.Is(err, kernel.ErrNotFound):
		return Usage{}, nil // it has ended meanwhile
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
