package jailtest

import "syscall"

// memoryFS returns a directory in memory with room for simulated hosts, of which
// containers often have only 64 MB, or "".
func memoryFS() string {
	const dir, room, writable = "/dev/shm", 1 << 30, 2
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil || s.Bavail*uint64(s.Bsize) < room || syscall.Access(dir, writable) != nil {
		return ""
	}
	return dir
}
