//go:build !(linux || freebsd || darwin || netbsd || openbsd || dragonfly)

package simzfs

import "io/fs"

type fileID struct{}

func linkID(fs.FileInfo) (fileID, bool) { return fileID{}, false }

func keepOwner(string, fs.FileInfo) error { return nil }

func makePipe(string) error { return nil }
