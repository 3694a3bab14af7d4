//go:build !linux

package jail_test

func memoryFS() string { return "" }
