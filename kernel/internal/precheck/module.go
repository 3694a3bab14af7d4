package precheck

import (
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

// Module refuses a name that is a path, which kldload(2) would load from
// anywhere.
func Module(op, name string) error {
	if name == "" || strings.ContainsAny(name, "/\x00") {
		return &kernel.CallError{Op: op, Subject: name, Errno: syscall.EINVAL, Msg: "not a module's name"}
	}
	return nil
}
