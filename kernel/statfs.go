package kernel

// struct statfs is the same on every architecture, sys/mount.h: version
// 0x20140518 since FreeBSD 12.
const (
	statfsSize    = 2344
	statfsVersion = 0x20140518
	statfsFlags   = 8
	statfsFSID    = 192
	statfsType    = 280
	statfsFrom    = 296
	statfsOn      = 1320
	statfsTypeLen = 16
	statfsNameLen = 1024
)

// parseStatfs reads one struct statfs.
func parseStatfs(b []byte) Mounted {
	return Mounted{
		FSID: FSID{Val: [2]int32{
			int32(nativeInt(b[statfsFSID : statfsFSID+4])),
			int32(nativeInt(b[statfsFSID+4 : statfsFSID+8])),
		}},
		Type:  cString(b[statfsType : statfsType+statfsTypeLen]),
		From:  cString(b[statfsFrom : statfsFrom+statfsNameLen]),
		Path:  cString(b[statfsOn : statfsOn+statfsNameLen]),
		Flags: MountFlags(nativeUint(b[statfsFlags : statfsFlags+8])),
	}
}

// parseStatfsList reads an array of them.
func parseStatfsList(b []byte) []Mounted {
	list := make([]Mounted, 0, len(b)/statfsSize)
	for ; len(b) >= statfsSize; b = b[statfsSize:] {
		list = append(list, parseStatfs(b[:statfsSize]))
	}
	return list
}
