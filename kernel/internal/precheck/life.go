package precheck

import (
	"github.com/libioc/go-libioc/kernel"
)

// SameLife tells whether now, read from the kernel, is the life of the jail
// that id names. The kernel gives a cpuset.id again as soon as it is free, so
// the name counts too: a renamed jail has another identity. One made by hand
// without cpuset.id is judged by jid and name.
func SameLife(id, now kernel.Identity) bool {
	return id.JID == now.JID && id.Name == now.Name &&
		(id.Incarnation == 0 || id.Incarnation == now.Incarnation)
}
