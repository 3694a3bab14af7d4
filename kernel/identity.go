package kernel

// sameLife tells whether now, read from the kernel, is the life of the jail
// that id names. A jail keeps its cpuset.id for life, so a renamed jail is the
// same; an identity made by hand without it is judged by its name.
func (id Identity) sameLife(now Identity) bool {
	if id.JID != now.JID {
		return false
	}
	if id.Incarnation != 0 {
		return id.Incarnation == now.Incarnation
	}
	return id.Name == now.Name
}
