package kernel

// InterfaceCounters is what an interface has counted since it was made, as the
// stack it is in sees it: what the host's end of an epair(4) received is what the
// other end sent. netstat(1) -i prints the same.
type InterfaceCounters struct {
	Name            string
	ReceivedBytes   uint64
	ReceivedPackets uint64
	ReceivedErrors  uint64
	ReceivedDrops   uint64
	SentBytes       uint64
	SentPackets     uint64
	SentErrors      uint64
	SentDrops       uint64
}
