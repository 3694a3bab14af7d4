package jail_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// set changes a running jail, and wants its network to be what it should be then.
func set(t testing.TB, j *jail.Jail, values map[string]string) {
	t.Helper()
	_, err := j.Set(context.Background(), values, jail.SetOptions{LiveOnly: true})
	require.NoError(t, err)
	noDifferences(t, j)
}

func noDifferences(t testing.TB, j *jail.Jail) {
	t.Helper()
	found, err := j.NetworkDifferences(context.Background())
	require.NoError(t, err)
	require.Empty(t, found)
}

func synced(t testing.TB, j *jail.Jail) {
	t.Helper()
	_, err := j.Sync(context.Background(), jail.SyncOptions{})
	require.NoError(t, err)
	noDifferences(t, j)
}

// reaches wants the host to answer a jail, or not to.
func reaches(t testing.TB, j *jail.Jail, target string, want bool) {
	t.Helper()
	out, code := in(t, j, "/sbin/ping", "-c", "2", "-t", "10", target)
	require.Equal(t, want, code == 0, "%s to %s: %s", j.Name(), target, out)
}

// TestRealLiveChanges: each live change does on a running jail what it says.
func TestRealLiveChanges(t *testing.T) {
	h := realHost(t)
	unchanged(t)
	realBridge(t, h)
	j := vnetJail(t, h, "livenet", 70, nil)
	start(t, j)
	noDifferences(t, j)
	reaches(t, j, "10.77.0.1", true)
	// From the bridge to an epair of its own, another gateway there, and back.
	set(t, j, map[string]string{"interfaces": "vnet0:none", "ip4_addr": "vnet0|10.78.0.70/24", "ip6_addr": "none", "defaultrouter": "10.78.0.1", "defaultrouter6": "none"})
	reaches(t, j, "10.78.0.1", true)
	set(t, j, map[string]string{"defaultrouter": "10.78.0.2"})
	reaches(t, j, "10.78.0.2", true)
	set(t, j, map[string]string{"ip4_addr": "vnet0|10.78.0.71/24,lo0|127.0.1.1/32"})
	out, code := in(t, j, "/sbin/ping", "-c", "1", "-t", "5", "127.0.1.1")
	require.Zero(t, code, out)
	set(t, j, map[string]string{"interfaces": "vnet0:" + testBridge, "ip4_addr": "vnet0|10.77.0.70/24", "defaultrouter": "10.77.0.1"})
	reaches(t, j, "10.77.0.1", true)
	// The nic is destroyed by hand.
	id, err := j.Identity(context.Background())
	require.NoError(t, err)
	require.NoError(t, h.Kernel.InterfaceDestroy(context.Background(), hostEnd("vnet0", id)))
	synced(t, j)
	reaches(t, j, "10.77.0.1", true)
	stop(t, j)
}

// TestRealSharedBareAddress: an address without interface, which a running jail has
// brought, is shared with a second jail, and goes with the last one.
func TestRealSharedBareAddress(t *testing.T) {
	h := realHost(t)
	unchanged(t)
	realBridge(t, h)
	ctx := context.Background()
	conf := map[string]string{"exec_start": "none", "exec_stop": "none", "ip4_addr": "DEFAULT|10.79.0.5/32"}
	routes, err := h.Kernel.Routes(ctx, 0)
	require.NoError(t, err)
	byDefault := ""
	for _, r := range routes {
		if r.Dest.Bits() == 0 && r.Dest.Addr().Is4() {
			byDefault = r.Interface
		}
	}
	if byDefault == "" { // a bare address needs one; here the bridge is named in its place
		conf["ip4_addr"] = testBridge + "|10.79.0.5/32"
	} else {
		conf["ip4_addr"] = "10.79.0.5/32"
	}
	a, b := realJail(t, h, "barea", false, conf), realJail(t, h, "bareb", false, conf)
	has := func() bool { return strings.Contains(run(t, "ifconfig", "-a"), "10.79.0.5 ") }
	start(t, a)
	synced(t, a)
	require.True(t, has())
	_, err = a.Restart(ctx, jail.RestartOptions{Shutdown: true})
	require.NoError(t, err)
	start(t, b)
	stop(t, a)
	require.True(t, has())
	synced(t, b)
	stop(t, b)
	require.False(t, has())
}

// TestRealRogueServers: what a router or a DHCP server says does not leave a jail with
// Secure VNET.
func TestRealRogueServers(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	if _, err := h.Kernel.IpfwRules(ctx, network.Set); errors.Is(err, kernel.ErrUnsupported) {
		t.Skipf("ipfw is not loaded: %v", err)
	}
	unchanged(t)
	realBridge(t, h)
	filterBridges(t, h)
	listener := vnetJail(t, h, "listener", 80, nil)
	start(t, listener)
	for n, nic := range []string{"vnet0::" + testBridge, "vnet0:" + testBridge} {
		j := vnetJail(t, h, fmt.Sprintf("rogue%d", n), 81+n, map[string]string{"interfaces": nic})
		start(t, j)
		passes := n == 1
		require.Equal(t, passes, hears(t, h, "udp and src port 67", func() {
			in(t, j, "/bin/sh", "-c", "echo offer | nc -u -w 1 -s 10.77.0."+fmt.Sprint(81+n)+" -p 67 10.77.0.80 68")
		}), "DHCP answer of %s", nic)
		require.Equal(t, passes, hears(t, h, "icmp6 and ip6[40] == 134", func() {
			in(t, j, "/bin/sh", "-c", `sysctl net.inet6.ip6.forwarding=1 && printf 'vnet0:addr="2001:db8:666::":prefixlen#64:maxinterval#4:mininterval#3:\n' >/tmp/rtadvd.conf && timeout 10 rtadvd -f -c /tmp/rtadvd.conf vnet0`)
		}), "router advertisement of %s", nic)
		stop(t, j)
	}
	stop(t, listener)
}

// hears reports whether a packet that tcpdump(1) is told to look for passes the bridge
// while do runs.
func hears(t testing.TB, h *host.Host, filter string, do func()) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	id, err := loadReal(t, h, "listener").Identity(ctx)
	require.NoError(t, err)
	dump := exec.CommandContext(ctx, "tcpdump", "-n", "-c", "1", "-i", hostEnd("vnet0", id), filter)
	require.NoError(t, dump.Start())
	time.Sleep(2 * time.Second) // until it listens
	do()
	ended := make(chan error, 1)
	go func() { ended <- dump.Wait() }()
	select {
	case err := <-ended:
		return err == nil
	case <-time.After(3 * time.Second):
		cancel()
		<-ended
		return false
	}
}

func loadReal(t testing.TB, h *host.Host, name string) *jail.Jail {
	t.Helper()
	j, err := jail.Load(context.Background(), h, name)
	require.NoError(t, err)
	return j
}

// TestRealForwardNamesItsAddress: a jail's forward is for the host's own address, and a
// connection to the same port of another jail's address on the interface reaches that one.
func TestRealForwardNamesItsAddress(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	status, err := h.Kernel.PfStatus(ctx)
	if errors.Is(err, kernel.ErrUnsupported) {
		t.Skipf("pf is not loaded: %v", err)
	}
	require.NoError(t, err)
	unchanged(t)
	realBridge(t, h)
	conf := filepath.Join(t.TempDir(), "pf.conf")
	require.NoError(t, os.WriteFile(conf, []byte("nat-anchor \"ioc/*\"\nrdr-anchor \"ioc/*\"\nanchor \"ioc/*\"\npass all\n"), 0o600))
	run(t, "pfctl", "-f", conf)
	if !status.Enabled {
		run(t, "pfctl", "-e")
		t.Cleanup(func() { run(t, "pfctl", "-d") })
	}
	t.Cleanup(func() { run(t, "pfctl", "-F", "nat"); run(t, "pfctl", "-F", "rules") })
	client := vnetJail(t, h, "client", 90, nil)
	start(t, client)
	plain := map[string]string{"exec_start": "none", "exec_stop": "none"}
	forwarded := realJail(t, h, "forwarded", false, merged(plain, map[string]string{
		"ip4_addr": testBridge + "|10.77.0.91/32", "user.forwards": "4430:4431@" + testBridge,
	}))
	other := realJail(t, h, "other", false, merged(plain, map[string]string{"ip4_addr": testBridge + "|10.77.0.92/32"}))
	start(t, forwarded)
	start(t, other)
	for target, want := range map[string]string{"10.77.0.1": "forwarded", "10.77.0.92": "other"} {
		for j, port := range map[*jail.Jail]string{forwarded: "4431", other: "4430"} {
			cmd := "(echo " + j.Name() + " | timeout 20 nc -l " + port + " >/dev/null 2>&1) &"
			out, code := in(t, j, "/bin/sh", "-c", cmd)
			require.Zero(t, code, out)
		}
		time.Sleep(time.Second)
		out, _ := in(t, client, "/bin/sh", "-c", "timeout 5 nc -d -w 3 "+target+" 4430")
		require.Equal(t, want, strings.TrimSpace(out), "what %s answers", target)
		for _, j := range []*jail.Jail{forwarded, other} {
			in(t, j, "/usr/bin/pkill", "nc")
		}
	}
	addr := netip.MustParseAddr("10.77.0.91")
	set(t, forwarded, map[string]string{"user.forwards": "none"})
	_, err = h.Kernel.PfKillStates(ctx, addr)
	require.NoError(t, err)
	for _, j := range []*jail.Jail{forwarded, other, client} {
		stop(t, j)
	}
}

func merged(maps ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range maps {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}
