package jail_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/freebsd"
)

// run runs a program of the host and wants it to succeed.
func run(t testing.TB, argv ...string) string {
	t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	require.NoError(t, err, "%v: %s", argv, out)
	return string(out)
}

// machine is what the base system's own tools tell of the host's network.
func machine(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	for _, line := range strings.SplitAfter(run(t, "ifconfig", "-a"), "\n") {
		if !strings.Contains(line, "priority") && !strings.Contains(line, "root id") { // learned by bridges
			b.WriteString(line)
		}
	}
	b.WriteString(run(t, "netstat", "-rnW"))
	for _, argv := range [][]string{{"rctl"}, {"ipfw", "list"}, {"pfctl", "-a", "ioc", "-s", "Anchors"}} {
		out, _ := exec.Command(argv[0], argv[1:]...).CombinedOutput() // what is not loaded complains alike
		b.Write(out)
	}
	return b.String()
}

// unchanged checks that the machine is as it was, at the end of the test.
func unchanged(t testing.TB) {
	t.Helper()
	before := machine(t)
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		var after string
		for range 20 {
			if after = machine(t); after == before {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		require.Equal(t, before, after)
	})
}

const (
	hostV4, hostV6 = "10.77.0.1/24", "fd00:77::1/64"
	testBridge     = "ioctestbr"
)

// realBridge makes a bridge with addresses of the host, and lets a loaded ipfw
// pass everything.
func realBridge(t testing.TB, h *host.Host) {
	t.Helper()
	ctx := context.Background()
	if _, err := h.Kernel.SysctlInt(ctx, "net.inet.ip.fw.enable"); err == nil {
		run(t, "ipfw", "-q", "add", "40000", "allow", "ip", "from", "any", "to", "any")
		t.Cleanup(func() { run(t, "ipfw", "-q", "delete", "40000") })
	}
	name, err := h.Kernel.InterfaceCreate(ctx, "bridge")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Kernel.InterfaceDestroy(ctx, testBridge)) })
	require.NoError(t, h.Kernel.InterfaceRename(ctx, name, testBridge))
	for _, a := range []string{hostV4, hostV6} {
		require.NoError(t, h.Kernel.AddressAdd(ctx, testBridge, kernel.Address{Prefix: netip.MustParsePrefix(a), NoDAD: true}))
	}
	require.NoError(t, h.Kernel.InterfaceSetUp(ctx, testBridge, true))
}

func vnetJail(t testing.TB, h *host.Host, name string, number int, change map[string]string) *jail.Jail {
	t.Helper()
	properties := map[string]string{
		"vnet": "yes", "interfaces": "vnet0:" + testBridge, "exec_start": "none", "exec_stop": "none",
		"ip4_addr":      fmt.Sprintf("vnet0|10.77.0.%d/24", number),
		"ip6_addr":      fmt.Sprintf("vnet0|fd00:77::%d/64", number),
		"defaultrouter": "10.77.0.1", "defaultrouter6": "fd00:77::1",
	}
	for k, v := range change {
		properties[k] = v
	}
	return realJail(t, h, name, false, properties)
}

func stop(t testing.TB, j *jail.Jail) {
	t.Helper()
	_, err := j.Stop(context.Background(), jail.StopOptions{})
	require.NoError(t, err)
}

// in runs a program in the jail.
func in(t testing.TB, j *jail.Jail, argv ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := j.Exec(ctx, argv, jail.ExecOptions{})
	require.NoError(t, err, "%v", argv)
	return string(out.Stdout) + string(out.Stderr), out.ExitCode
}

func TestRealVnetJailsReachOneAnother(t *testing.T) {
	h := realHost(t)
	unchanged(t)
	realBridge(t, h)
	a := vnetJail(t, h, "neta", 10, nil)
	b := vnetJail(t, h, "net.b", 20, nil)
	for _, j := range []*jail.Jail{a, b} {
		made, began := countForks(t), time.Now()
		start(t, j)
		took, forks := time.Since(began), made()
		t.Logf("measured: start of VNET jail %s: %d forks, %s", j.Name(), forks, took)
		require.LessOrEqual(t, forks, int64(1), "a jail with its own stack costs one process")
	}
	for _, target := range []string{"10.77.0.1", "10.77.0.20", "fd00:77::1", "fd00:77::20"} {
		out, code := in(t, a, "/sbin/ping", "-c", "2", "-t", "10", target)
		require.Zero(t, code, "%s: %s", target, out)
	}
	for _, target := range []string{"10.77.0.10", "10.77.0.20", "fd00:77::10", "fd00:77::20"} {
		run(t, "ping", "-c", "2", "-t", "10", target)
	}
	usage, err := a.Usage(context.Background())
	require.NoError(t, err)
	require.Len(t, usage.Network, 1)
	for nic, traffic := range usage.Network {
		t.Logf("measured: traffic of %s: %+v", nic, traffic)
		// Four answered and four asked echo requests of 84 bytes and more each.
		require.Greater(t, traffic.ReceivedBytes, uint64(8*84))
		require.Greater(t, traffic.SentBytes, uint64(8*84))
	}
	out, _ := in(t, b, "/sbin/ifconfig", "-a")
	t.Log(out)
	require.Contains(t, out, "inet 127.0.0.1")
	routes, _ := in(t, b, "/usr/bin/netstat", "-rn")
	require.Contains(t, routes, "10.77.0.1")
	require.Contains(t, routes, "fd00:77::1")
	for _, j := range []*jail.Jail{a, b} {
		made := countForks(t)
		stop(t, j)
		require.Zero(t, made(), "a stop needs no process")
	}
}

func TestRealSharedAddressServes(t *testing.T) {
	h := realHost(t)
	unchanged(t)
	realBridge(t, h)
	j := realJail(t, h, "shared", false, map[string]string{
		"ip4_addr": testBridge + "|10.77.0.30/24", "ip6_addr": testBridge + "|fd00:77::30/64", "exec_start": "none", "exec_stop": "none",
	})
	made := countForks(t)
	start(t, j)
	require.Zero(t, made(), "shared addresses need no process")
	serves(t, j, "10.77.0.30")
	serves(t, j, "fd00:77::30")

	// Another address, live: the new one serves, the old one is gone.
	_, err := j.Set(context.Background(), map[string]string{"ip4_addr": testBridge + "|10.77.0.31/24"}, jail.SetOptions{LiveOnly: true})
	require.NoError(t, err)
	serves(t, j, "10.77.0.31")
	require.NotContains(t, run(t, "ifconfig", testBridge), "10.77.0.30")

	made = countForks(t)
	stop(t, j)
	require.Zero(t, made(), "a stop needs no process")
	require.NotContains(t, run(t, "ifconfig", testBridge), "10.77.0.31")
}

// serves wants a TCP server of the jail to be reached at an address.
func serves(t testing.TB, j *jail.Jail, addr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := j.Exec(ctx, []string{"/usr/bin/nc", "-l", addr, "8080"}, jail.ExecOptions{Stdin: strings.NewReader("hello from " + addr + "\n")})
		ended <- err
	}()
	var got bytes.Buffer
	var d net.Dialer
	for {
		c, err := d.DialContext(ctx, "tcp", net.JoinHostPort(addr, "8080"))
		if err != nil && ctx.Err() == nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		require.NoError(t, err)
		line := make([]byte, 100)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
		n, err := c.Read(line)
		require.NoError(t, err)
		got.Write(line[:n])
		c.Close()
		break
	}
	require.Equal(t, "hello from "+addr+"\n", got.String())
	require.NoError(t, <-ended)
}

// filterBridges lets ipfw see the frames of bridges.
func filterBridges(t testing.TB, h *host.Host) {
	t.Helper()
	// The last one switches the first three off for good.
	for _, node := range []string{"net.link.bridge.pfil_member", "net.link.bridge.pfil_bridge", "net.link.bridge.pfil_onlyip", "net.link.ether.ipfw", "net.link.bridge.ipfw_arp", "net.link.bridge.ipfw"} {
		old, err := h.Kernel.SysctlInt(context.Background(), node)
		require.NoError(t, err)
		if strings.Contains(node, "ipfw") {
			run(t, "sysctl", node+"=1")
		}
		t.Cleanup(func() { run(t, "sysctl", fmt.Sprintf("%s=%d", node, old)) })
	}
}

func TestRealSecureVnet(t *testing.T) {
	h := realHost(t)
	ctx := context.Background()
	if _, err := h.Kernel.IpfwRules(ctx, 29); errors.Is(err, kernel.ErrUnsupported) {
		t.Skipf("ipfw is not loaded: %v", err)
	}
	unchanged(t)
	realBridge(t, h)
	secure := vnetJail(t, h, "secure", 40, map[string]string{"interfaces": "vnet0::" + testBridge})
	plain := vnetJail(t, h, "plain", 50, nil)

	if n, err := h.Kernel.SysctlInt(ctx, "net.link.bridge.ipfw"); err == nil && n == 0 {
		_, err := secure.Start(ctx, jail.StartOptions{})
		require.ErrorContains(t, err, "net.link.bridge.ipfw=1")
	}
	filterBridges(t, h)
	start(t, secure)
	start(t, plain)
	t.Log(run(t, "ipfw", "set", "29", "list"))
	// Both can speak for themselves.
	for _, j := range []*jail.Jail{secure, plain} {
		for _, target := range []string{"10.77.0.1", "fd00:77::1"} {
			out, code := in(t, j, "/sbin/ping", "-c", "2", "-t", "10", target)
			require.Zero(t, code, "%s to %s: %s", j.Name(), target, out)
		}
	}
	out, code := in(t, plain, "/sbin/ping", "-c", "2", "-t", "10", "10.77.0.40")
	require.Zero(t, code, out)
	// With a neighbour's address only the plain one gets an answer.
	for _, c := range []struct {
		j    *jail.Jail
		gets bool
	}{{secure, false}, {plain, true}} {
		out, code := in(t, c.j, "/sbin/ifconfig", "vnet0", "inet", "10.77.0.99/32", "alias")
		require.Zero(t, code, out)
		out, code = in(t, c.j, "/sbin/ping", "-c", "3", "-t", "5", "-S", "10.77.0.99", "10.77.0.1")
		require.Equal(t, c.gets, code == 0, "%s with a foreign address: %s", c.j.Name(), out)
		in(t, c.j, "/sbin/ifconfig", "vnet0", "inet", "10.77.0.99", "-alias")
		_ = exec.Command("arp", "-da").Run() // what was learned of the address
	}
	stop(t, secure)
	stop(t, plain)
	require.Empty(t, strings.TrimSpace(run(t, "ipfw", "set", "29", "list")))
}

func TestRealDHCPWithoutServer(t *testing.T) {
	h := realHost(t)
	unchanged(t)
	realBridge(t, h)
	j := vnetJail(t, h, "dhcp", 60, map[string]string{
		"ip4_addr": "vnet0|dhcp", "ip6_addr": "none", "defaultrouter": "none", "defaultrouter6": "none", "user.network.dhcp_timeout": "20",
	})
	began := time.Now()
	_, err := j.Start(context.Background(), jail.StartOptions{})
	var none *jail.AddressError
	require.ErrorAs(t, err, &none)
	require.Contains(t, none.Output, "DHCPDISCOVER")
	require.Less(t, time.Since(began), 60*time.Second)
	running, err := j.Running(context.Background())
	require.NoError(t, err)
	require.False(t, running)
	out, _ := exec.Command("pgrep", "dhclient").CombinedOutput()
	require.Empty(t, string(out))
}

func TestRealLimitsBite(t *testing.T) {
	h := realHost(t)
	f, err := h.Kernel.Features(context.Background())
	require.NoError(t, err)
	if !f.RACCT {
		t.Skip("kern.racct.enable is 0")
	}
	unchanged(t)
	j := realJail(t, h, "limits", false, map[string]string{
		"exec_start": "none", "exec_stop": "none",
		"maxproc": "8", "vmemoryuse": "log=200M deny=300M", "pcpu": "20", "memoryuse": "60M", "cpuset": "0",
	})
	all := start(t, j)
	told := eventsOf[events.JailResourceLimitAction](all)
	require.Len(t, told, 1)
	require.Contains(t, told[0].Head().Message, "memoryuse:deny has no effect")
	t.Log(run(t, "rctl"))

	out, _ := in(t, j, "/bin/sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 3 & done; wait")
	require.Contains(t, out, "Cannot fork", "maxproc")
	// What sh left behind counts until init(8) has reaped it.
	require.Eventually(t, func() bool {
		u, err := j.Usage(context.Background())
		return err == nil && u.Counted && u.Processes == 0
	}, 30*time.Second, 20*time.Millisecond)
	out, code := in(t, j, "/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=350m", "count=1")
	require.NotZero(t, code, "vmemoryuse: %s", out)
	cpu := func(j *jail.Jail) time.Duration {
		out, _ := in(t, j, "/usr/bin/time", "-p", "/usr/bin/timeout", "8", "/bin/sh", "-c", "while :; do :; done")
		var total float64
		for _, line := range strings.Split(out, "\n") {
			if name, value, ok := strings.Cut(line, " "); ok && (name == "user" || name == "sys") {
				n, _ := strconv.ParseFloat(strings.TrimSpace(value), 64)
				total += n
			}
		}
		require.Positive(t, total, out)
		return time.Duration(total * float64(time.Second))
	}
	limited := cpu(j)
	usage, err := j.Usage(context.Background())
	require.NoError(t, err)
	t.Logf("measured: pcpu=20: %s of 8s, by its counters %s", limited, usage.CPUTime)

	// Live, without the limits: the same work is done.
	_, err = j.Set(context.Background(), map[string]string{"pcpu": "none", "vmemoryuse": "none", "maxproc": "none", "memoryuse": "none"}, jail.SetOptions{LiveOnly: true})
	require.NoError(t, err)
	free := cpu(j)
	t.Logf("measured: without pcpu: %s of 8s", free)
	require.Less(t, limited*2, free, "pcpu")
	_, code = in(t, j, "/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=350m", "count=1")
	require.Zero(t, code, "without vmemoryuse")
	stop(t, j)
	require.NotContains(t, run(t, "rctl"), "limits")
}

// TestRealManyVnetJails compares the time and the processes of starting and
// stopping jails with those of jail(8) and the same network.
func TestRealManyVnetJails(t *testing.T) {
	h := realHost(t)
	n := 100
	if text := os.Getenv("IOC_TEST_JAILS"); text != "" {
		n, _ = strconv.Atoi(text)
	}
	if testing.Short() {
		n = 5
	}
	unchanged(t)
	realBridge(t, h)
	ctx := context.Background()
	var jails []*jail.Jail
	var conf strings.Builder
	for i := range n {
		j := vnetJail(t, h, fmt.Sprintf("many%d", i), i%200+50, map[string]string{"ip6_addr": "none", "defaultrouter6": "none", "securelevel": "-1"})
		jails = append(jails, j)
		root, err := j.RootPath(ctx)
		require.NoError(t, err)
		fmt.Fprintf(&conf, `plain%d { path="%s"; persist; vnet; mount.devfs; devfs_ruleset=4; vnet.interface="epair%db";
 exec.prestart="ifconfig epair%d create up"; exec.prestart+="ifconfig %s addm epair%da up";
 exec.start="ifconfig epair%db name vnet0"; exec.start+="ifconfig vnet0 inet 10.77.0.%d/24 up"; exec.start+="ifconfig lo0 inet 127.0.0.1/8 up"; exec.start+="route -q add default 10.77.0.1";
 exec.poststop="ifconfig epair%da destroy"; }
`, i, root, 500+i, 500+i, testBridge, 500+i, 500+i, i%200+50, 500+i)
	}
	file := filepath.Join(t.TempDir(), "jail.conf")
	require.NoError(t, os.WriteFile(file, []byte(conf.String()), 0o644))

	measure := func(what string, each func(i int)) (time.Duration, int64) {
		ended, began := countForks(t), time.Now()
		for i := range n {
			each(i)
		}
		took, made := time.Since(began), ended()
		t.Logf("measured: VNET, %s: %d jails, %.1f ms and %.2f forks each", what, n, took.Seconds()*1000/float64(n), float64(made)/float64(n))
		return took, made
	}
	oursUp, forksUp := measure("start", func(i int) { start(t, jails[i]) })
	oursDown, forksDown := measure("stop", func(i int) { stop(t, jails[i]) })
	theirsUp, theirForksUp := measure("jail -c", func(i int) { run(t, "jail", "-q", "-f", file, "-c", fmt.Sprintf("plain%d", i)) })
	theirsDown, theirForksDown := measure("jail -r", func(i int) { run(t, "jail", "-q", "-f", file, "-r", fmt.Sprintf("plain%d", i)) })
	t.Logf("measured: VNET beside jail(8): start %.2f of the time and %.2f of the forks, stop %.2f and %.2f",
		float64(oursUp)/float64(theirsUp), float64(forksUp)/float64(theirForksUp),
		float64(oursDown)/float64(theirsDown), float64(forksDown)/float64(theirForksDown))
	require.LessOrEqual(t, forksUp, int64(n), "one process a start")
	require.Zero(t, forksDown, "no process a stop")
	require.False(t, slices.Contains([]time.Duration{theirsUp, theirsDown}, 0))
}

func TestRealLimitsAgree(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	k, err := freebsd.New()
	require.NoError(t, err)
	f, err := k.Features(context.Background())
	require.NoError(t, err)
	if !f.RACCT {
		t.Skip("kern.racct.enable is 0")
	}
	limitsAgree(t, k)
}
