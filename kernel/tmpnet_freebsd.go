package kernel

type vnetSockets struct{}

func (k *freebsd) dropVnets(id Identity) {}
