package kernel

import "time"

// struct kinfo_proc of sys/user.h on 64-bit machines. The kernel tells its size
// in the first field of each, which is the distance to the next.
const (
	kinfoSize  = 1088
	kinfoPID   = 72
	kinfoUID   = 168
	kinfoStart = 336 // struct timeval
	kinfoStat  = 388
	kinfoComm  = 447
	kinfoJID   = 592

	kinfoCommLen = 20
	kinfoZombie  = 5 // SZOMB
)

// kinfoProcess is one process of the kernel's list.
type kinfoProcess struct {
	Process
	ended bool // a zombie: it holds nothing but its pid
}

// parseKinfo reads the value of one of the nodes below kern.proc. What is too
// short to be a kinfo_proc ends the list.
func parseKinfo(b []byte) []kinfoProcess {
	var list []kinfoProcess
	for len(b) >= kinfoSize {
		size := int(nativeInt(b[:4]))
		if size < kinfoSize || size > len(b) {
			break
		}
		i32 := func(at int) int { return int(nativeInt(b[at : at+4])) }
		list = append(list, kinfoProcess{
			Process: Process{
				PID:     i32(kinfoPID),
				JID:     i32(kinfoJID),
				Start:   time.Unix(nativeInt(b[kinfoStart:kinfoStart+8]), nativeInt(b[kinfoStart+8:kinfoStart+16])*1000),
				Command: cString(b[kinfoComm : kinfoComm+kinfoCommLen]),
				User:    uint32(nativeUint(b[kinfoUID : kinfoUID+4])),
			},
			ended: b[kinfoStat] == kinfoZombie,
		})
		b = b[size:]
	}
	return list
}

// same tells whether p is the process that was listed before.
func (p Process) same(before Process) bool {
	return p.PID == before.PID && p.JID == before.JID && p.Start.Equal(before.Start)
}
