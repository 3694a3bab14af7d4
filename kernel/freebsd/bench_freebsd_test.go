//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

// besideTool measures the system calls and then the base system's tool doing
// the same work. The tool's result tells its time as a multiple of theirs, in
// the unit "times-syscalls".
func besideTool(b *testing.B, tool string, calls, command func(b *testing.B)) {
	b.Helper()
	var ours float64
	b.Run("syscalls", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			calls(b)
		}
		ours = float64(b.Elapsed()) / float64(b.N)
	})
	b.Run(tool, func(b *testing.B) {
		for b.Loop() {
			command(b)
		}
		if ours > 0 {
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/ours, "times-syscalls")
		}
	})
}

// runTool runs a program of the base system and returns its output.
func runTool(b *testing.B, argv ...string) string {
	b.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		b.Fatalf("%q: %v: %s", argv, err, out)
	}
	return strings.TrimSpace(string(out))
}

// BenchmarkJailSet makes and removes a jail with a host name and an address.
func BenchmarkJailSet(b *testing.B) {
	ctx := context.Background()
	k := realKernel(b)
	dir := realDir(b)
	besideTool(b, "jail", func(b *testing.B) {
		jid, err := k.JailSet(ctx, kernel.JailCreate, kernel.String("name", "kbench"), kernel.String("path", dir), kernel.Bool("persist", true),
			kernel.String("host.hostname", "kbench.example"), kernel.Addrs("ip4.addr", netip.MustParseAddr("127.0.0.1")))
		check(b, err)
		check(b, k.JailRemove(ctx, kernel.Identity{JID: jid, Name: "kbench"}))
	}, func(b *testing.B) {
		runTool(b, "/usr/sbin/jail", "-c", "name=kbench", "path="+dir, "persist", "host.hostname=kbench.example", "ip4.addr=127.0.0.1")
		runTool(b, "/usr/sbin/jail", "-r", "kbench")
	})
}

// BenchmarkList1000 lists 1000 jails with five parameters of each.
func BenchmarkList1000(b *testing.B) {
	const jails = 1000
	ctx := context.Background()
	k := realKernel(b)
	dir := realDir(b)
	var made []kernel.Identity
	b.Cleanup(func() {
		for _, id := range made {
			if err := k.JailRemove(ctx, id); err != nil {
				b.Error(err)
			}
		}
	})
	for i := range jails {
		name := "kbench" + strconv.Itoa(i)
		jid, err := k.JailSet(ctx, kernel.JailCreate, kernel.String("name", name), kernel.String("path", dir), kernel.Bool("persist", true), kernel.String("host.hostname", name))
		check(b, err)
		made = append(made, kernel.Identity{JID: jid, Name: name})
	}
	besideTool(b, "jls", func(b *testing.B) {
		n := 0
		for p, err := range k.JailList(ctx, 0, "path", "host.hostname", "ip4.addr") {
			check(b, err)
			if strings.HasPrefix(p.String("name"), "kbench") {
				n++
			}
		}
		if n != jails {
			b.Fatalf("%d jails listed", n)
		}
	}, func(b *testing.B) {
		out := runTool(b, "/usr/sbin/jls", "jid", "name", "path", "host.hostname", "ip4.addr")
		if n := strings.Count(out, " kbench") / 2; n != jails { // name and hostname
			b.Fatalf("%d jails listed", n)
		}
	})
}

// BenchmarkMountDevfs mounts devfs with a ruleset on a folder and unmounts it.
func BenchmarkMountDevfs(b *testing.B) {
	const ruleset = 64003
	ctx := context.Background()
	k := realKernel(b)
	dir := realDir(b)
	check(b, k.DevfsAddRule(ctx, ruleset, kernel.DevfsRule{Hide: true}))
	check(b, k.DevfsAddRule(ctx, ruleset, kernel.DevfsRule{Path: "null", Unhide: true}))
	b.Cleanup(func() { check(b, k.DevfsDeleteRules(ctx, ruleset)) })
	besideTool(b, "mount", func(b *testing.B) {
		m, err := k.Nmount(ctx, kernel.MountRequest{
			Type: "devfs", From: ".", Path: dir, Below: filepath.Dir(dir),
			Options: []kernel.MountOption{{Name: "ruleset", Value: strconv.Itoa(ruleset)}},
		})
		check(b, err)
		check(b, k.UnmountFSID(ctx, m.FSID, 0))
	}, func(b *testing.B) {
		runTool(b, "/sbin/mount", "-t", "devfs", "-o", "ruleset="+strconv.Itoa(ruleset), ".", dir)
		runTool(b, "/sbin/umount", dir)
	})
}

// BenchmarkEpairVnet makes an epair, gives one end to a jail with a network
// stack of its own, describes the other and destroys both.
func BenchmarkEpairVnet(b *testing.B) {
	ctx := context.Background()
	k := realKernel(b)
	if f, err := k.Features(ctx); err != nil || !f.VIMAGE {
		b.Skipf("needs VIMAGE: %+v, %v", f, err)
	}
	id := realJail(b, k, "kbenchvnet", realDir(b), kernel.Jailsys("vnet", kernel.JailSysNew))
	besideTool(b, "ifconfig", func(b *testing.B) {
		host, err := k.InterfaceCreate(ctx, "epair")
		check(b, err)
		check(b, k.InterfaceSetDescription(ctx, host, "kbench"))
		check(b, k.InterfaceToVnet(ctx, strings.TrimSuffix(host, "a")+"b", id))
		check(b, k.InterfaceSetUp(ctx, host, true))
		check(b, k.InterfaceDestroy(ctx, host))
	}, func(b *testing.B) {
		host := runTool(b, "/sbin/ifconfig", "epair", "create")
		runTool(b, "/sbin/ifconfig", host, "description", "kbench")
		runTool(b, "/sbin/ifconfig", strings.TrimSuffix(host, "a")+"b", "vnet", strconv.Itoa(id.JID))
		runTool(b, "/sbin/ifconfig", host, "up")
		runTool(b, "/sbin/ifconfig", host, "destroy")
	})
}
