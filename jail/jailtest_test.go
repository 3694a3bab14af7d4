package jail_test

import "github.com/libioc/go-libioc/internal/jailtest"

// What the tests of package fleet use as well.
var (
	brief        = jailtest.Brief
	memoryDir    = jailtest.MemoryDir
	openHost     = jailtest.OpenHost
	putJail      = jailtest.Put
	putPlain     = jailtest.PutPlain
	plain        = jailtest.Plain
	writeConf    = jailtest.WriteConf
	mountpoint   = jailtest.Mountpoint
	writeRoot    = jailtest.WriteRoot
	up           = jailtest.Up
	load         = jailtest.Load
	running      = jailtest.Running
	world        = jailtest.World
	networkWorld = jailtest.NetworkWorld
	requireSame  = jailtest.RequireSame
	newHost      = jailtest.NewHost
	newJail      = jailtest.NewJail
	fetch        = jailtest.Fetch
	netHost      = jailtest.NetworkHost
	setupNet     = jailtest.SetupNetwork
	addPrograms  = jailtest.AddPrograms
	ensureTap    = jailtest.EnsureTap
	dhcpAddress  = jailtest.DHCPAddress
	slaacAddress = jailtest.SLAACAddress
	copyBase     = jailtest.CopyBase
	fewBases     = jailtest.FewBases
	toProperties = jailtest.ToProperties
	updateHost   = jailtest.UpdateHost
)

const baseOfRelease = jailtest.BaseOfRelease

type updater = jailtest.Updater
