//go:build !linux

package jailtest

func memoryFS() string { return "" }
