//go:build !unix

package host

// ended reports whether a process is known to have ended.
func ended(int) bool { return false }
