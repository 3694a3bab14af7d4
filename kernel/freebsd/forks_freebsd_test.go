//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

// forkCount is how many processes the machine has made since boot.
func forkCount(t *testing.T, k *system) (n int64) {
	t.Helper()
	for _, name := range []string{"vm.stats.vm.v_forks", "vm.stats.vm.v_vforks", "vm.stats.vm.v_rforks"} {
		v, err := k.SysctlInt(context.Background(), name)
		check(t, err)
		n += v
	}
	return n
}

// TestRealForks proves that a jail's life without programs of its own starts no
// process: create, mount, address, limit, remove.
func TestRealForks(t *testing.T) {
	ctx := context.Background()
	k := realKernel(t)
	dir := realDir(t)
	src := realDir(t)
	const ruleset = 64004
	check(t, k.DevfsAddRule(ctx, ruleset, kernel.DevfsRule{Hide: true}))
	t.Cleanup(func() { check(t, k.DevfsDeleteRules(ctx, ruleset)) })
	f, err := k.Features(ctx)
	check(t, err)
	// A mount on the root itself would become the jail's root.
	for _, d := range []string{"dev", "src"} {
		check(t, os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	life := func() {
		id := realJail(t, k, "kforks", dir, kernel.String("host.hostname", "kforks"))
		null, err := k.Nmount(ctx, kernel.MountRequest{Type: "nullfs", From: src, Path: dir + "/src", Below: dir, Flags: kernel.MntRdOnly})
		check(t, err)
		dev, err := k.Nmount(ctx, kernel.MountRequest{Type: "devfs", From: ".", Path: dir + "/dev", Below: dir, Options: []kernel.MountOption{{Name: "ruleset", Value: strconv.Itoa(ruleset)}}})
		check(t, err)
		check(t, k.AddressAdd(ctx, "lo0", kernel.Address{Prefix: mustPrefix("127.9.9.9/32")}))
		_, err = k.JailSet(ctx, kernel.JailUpdate, kernel.ByJID(id.JID), kernel.Addrs("ip4.addr", mustAddr("127.9.9.9")))
		check(t, err)
		if f.RACCT {
			check(t, k.RctlAddRule(ctx, "jail:kforks:maxproc:deny=100"))
			check(t, k.RctlRemoveRule(ctx, "jail:kforks"))
		}
		check(t, k.JailRemove(ctx, id))
		waitGone(t, k, id)
		check(t, k.AddressDelete(ctx, "lo0", mustAddr("127.9.9.9")))
		check(t, k.UnmountFSID(ctx, dev.FSID, 0))
		check(t, k.UnmountFSID(ctx, null.FSID, 0))
	}
	// Other processes fork too, so the fewest of several tries count.
	fewest := int64(1 << 40)
	for range 5 {
		before := forkCount(t, k)
		life()
		fewest = min(fewest, forkCount(t, k)-before)
	}
	if fewest != 0 {
		t.Errorf("%d forks", fewest)
	}
	t.Logf("measured: jail, mounts and limits: %d forks (limits: %v)", fewest, f.RACCT)
}
