package abi

import (
	"github.com/libioc/go-libioc/kernel"
)

// struct statfs is the same on every architecture, sys/mount.h: version
// 0x20140518 since FreeBSD 12.
const (
	StatfsSize    = 2344
	statfsVersion = 0x20140518
	statfsFlags   = 8
	statfsFSID    = 192
	statfsType    = 280
	statfsFrom    = 296
	statfsOn      = 1320
	statfsTypeLen = 16
	statfsNameLen = 1024
)

// ParseStatfs reads one struct statfs.
func ParseStatfs(b []byte) kernel.Mounted {
	return kernel.Mounted{
		FSID: kernel.FSID{Val: [2]int32{
			int32(Int(b[statfsFSID : statfsFSID+4])),
			int32(Int(b[statfsFSID+4 : statfsFSID+8])),
		}},
		Type:  CString(b[statfsType : statfsType+statfsTypeLen]),
		From:  CString(b[statfsFrom : statfsFrom+statfsNameLen]),
		Path:  CString(b[statfsOn : statfsOn+statfsNameLen]),
		Flags: kernel.MountFlags(Uint(b[statfsFlags : statfsFlags+8])),
	}
}

// ParseStatfsList reads an array of them.
func ParseStatfsList(b []byte) []kernel.Mounted {
	list := make([]kernel.Mounted, 0, len(b)/StatfsSize)
	for ; len(b) >= StatfsSize; b = b[StatfsSize:] {
		list = append(list, ParseStatfs(b[:StatfsSize]))
	}
	return list
}
