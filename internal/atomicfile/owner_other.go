//go:build !unix

package atomicfile

import "io/fs"

// ChownLike does nothing: the system has no owners of this kind.
func (f osFile) ChownLike(fs.FileInfo) error { return nil }
