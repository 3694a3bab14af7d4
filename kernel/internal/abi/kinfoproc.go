package abi

import (
	"time"

	"github.com/libioc/go-libioc/kernel"
)

// struct kinfo_proc of sys/user.h on 64-bit machines. The kernel stores its size
// in the first field of each, which is the distance to the next.
const (
	kinfoSize  = 1088
	kinfoPID   = 72
	kinfoGroup = 80
	kinfoUID   = 168
	kinfoStart = 336 // struct timeval
	kinfoStat  = 388
	kinfoComm  = 447
	kinfoJID   = 592

	kinfoCommLen = 20
	kinfoZombie  = 5 // SZOMB
)

// KinfoProcess is one process of the kernel's list.
type KinfoProcess struct {
	kernel.Process
	Ended bool // a zombie: it holds nothing but its pid
}

// ParseKinfo reads the value of one of the nodes below kern.proc. What is too
// short to be a kinfo_proc ends the list.
func ParseKinfo(b []byte) []KinfoProcess {
	var list []KinfoProcess
	for len(b) >= kinfoSize {
		size := int(Int(b[:4]))
		if size < kinfoSize || size > len(b) {
			break
		}
		i32 := func(at int) int { return int(Int(b[at : at+4])) }
		list = append(list, KinfoProcess{
			Process: kernel.Process{
				PID:     i32(kinfoPID),
				Group:   i32(kinfoGroup),
				JID:     i32(kinfoJID),
				Start:   time.Unix(Int(b[kinfoStart:kinfoStart+8]), Int(b[kinfoStart+8:kinfoStart+16])*1000),
				Command: CString(b[kinfoComm : kinfoComm+kinfoCommLen]),
				User:    uint32(Uint(b[kinfoUID : kinfoUID+4])),
			},
			Ended: b[kinfoStat] == kinfoZombie,
		})
		b = b[size:]
	}
	return list
}

// SameProcess reports whether p is the process that was listed before.
func SameProcess(p, before kernel.Process) bool {
	return p.PID == before.PID && p.JID == before.JID && p.Start.Equal(before.Start)
}
