// Package jailerr holds the errors of operations that the steps of package
// jail return. Package jail has all of them under the same names.
package jailerr

import (
	"errors"
)

// Sentinels for errors.Is, see package jail.
var (
	ErrNotRunning = errors.New("jail is not running")
	ErrConfig     = errors.New("configuration does not allow it")
	ErrStuck      = errors.New("processes of the jail do not end")
	ErrReplaced   = errors.New("another one has this name now")
	ErrChanged    = errors.New("was changed in the meantime")
)
