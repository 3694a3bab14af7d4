package words

// What a machine without the modules needs.
const (
	IpfwRemedy = "ipfw is not loaded: firewall_enable=\"YES\" in rc.conf(5), or kldload ipfw with net.inet.ip.fw.default_to_accept=1 in the kernel environment"
	PfRemedy   = "pf is not loaded: pf_enable=\"YES\" in rc.conf(5) and service pf start"
)

// RctlRemedy is what a machine without racct needs, rctl(8).
const RctlRemedy = "needs kern.racct.enable=1 in loader.conf(5) and a reboot"
