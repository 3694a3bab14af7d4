//go:build !unix

package archive

import "os"

func newPipe(toProgram bool) (ours, theirs *os.File, err error) {
	r, w, err := os.Pipe()
	if toProgram {
		return w, r, err
	}
	return r, w, err
}
