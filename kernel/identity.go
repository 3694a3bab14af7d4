package kernel

// sameLife tells whether now, read from the kernel, is the life of the jail
// that id names. The name has to be the same as well as the cpuset.id, because
// cpuset(2) gives a freed id to the next jail: a jail made with the jid of one
// that has gone often has its cpuset.id too. An identity made by hand without
// an incarnation is judged by its name. A jail renamed since is another one to
// whoever holds its old name.
func (id Identity) sameLife(now Identity) bool {
	return id.JID == now.JID && id.Name == now.Name &&
		(id.Incarnation == 0 || id.Incarnation == now.Incarnation)
}
