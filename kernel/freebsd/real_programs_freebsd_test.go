//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/libioc/go-libioc/kernel"
)

// TestRealJailGetsNoDescriptor: a command in a jail could read /etc/master.passwd of
// the host if the program had it open without close-on-exec.
func TestRealJailGetsNoDescriptor(t *testing.T) {
	k := realKernel(t)
	id := realJail(t, k, "kdescriptors", "/")
	fd := openSecret(t, "/etc/master.passwd")
	if fd > 9 {
		t.Fatalf("descriptor %d: sh(1) knows those of one digit only", fd)
	}
	read := kernel.Command{Argv: []string{"/bin/sh", "-c", fmt.Sprintf("cat <&%d", fd)}, Env: []string{"PATH=/bin:/usr/bin"}}
	for _, in := range []kernel.Identity{id, {}} {
		var out bytes.Buffer
		cmd := read
		cmd.Jail, cmd.Stdout, cmd.Stderr = in, &out, &out
		exit, err := k.Run(context.Background(), cmd)
		check(t, err)
		if exit.Success() || strings.Contains(out.String(), "root:") {
			t.Errorf("in %q it read %d bytes, %+v", in, out.Len(), exit)
		}
	}
}

// TestRealVnetOfShortName: no VNET jail started from a program whose path is shorter
// than the marker that stood in argument 0.
func TestRealVnetOfShortName(t *testing.T) {
	k := realKernel(t)
	f, err := k.Features(context.Background())
	check(t, err)
	if !f.VIMAGE {
		t.Skip("the kernel has no VIMAGE: kern.features.vimage does not exist")
	}
	const short = "/sbin/iocd"
	if _, err := os.Lstat(short); err == nil {
		t.Fatalf("%s exists", short)
	}
	self, err := os.Executable()
	check(t, err)
	data, err := os.ReadFile(self)
	check(t, err)
	t.Cleanup(func() { os.Remove(short) })
	check(t, os.WriteFile(short, data, 0o755))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, short, "-test.run=^TestRealVnet$/^sockets$", "-test.v").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestRealVnet/sockets") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestRealRunEndsTheGroup: a hostile command ends at its limit with all it started,
// stopped as it is.
func TestRealRunEndsTheGroup(t *testing.T) {
	k := realKernel(t)
	id := realJail(t, k, "khostile", "/")
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := k.Run(ctx, kernel.Command{
		Jail: id, Argv: []string{"/bin/sh", "-c", `trap "" TERM HUP; sleep 60 & sleep 60 & kill -STOP $$; wait`},
		Env: []string{"PATH=/bin:/usr/bin"}, KillDelay: 100 * time.Millisecond,
	})
	if err == nil || time.Since(begin) > 10*time.Second {
		t.Errorf("it took %v: %v", time.Since(begin), err)
	}
	for range 50 {
		if list, err := k.ProcessList(context.Background(), id.JID); err == nil && len(list) == 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("processes are left in the jail")
}

// TestRealCutOutputIsAnError: the ifconfig(8) of a jail's root printed more than 4 MiB, and
// what came before the cut was taken for the whole list of interfaces.
func TestRealCutOutputIsAnError(t *testing.T) {
	k := realKernel(t)
	root := realDir(t)
	sh, err := os.ReadFile("/rescue/sh") // needs no library
	check(t, err)
	ifconfig := "#!/bin/sh\nx=" + strings.Repeat("x", 1023) + "\ni=0\nwhile [ $i -lt 5000 ]; do echo $x; i=$((i+1)); done\n"
	for name, data := range map[string][]byte{"bin/sh": sh, "sbin/ifconfig": []byte(ifconfig)} {
		check(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
		check(t, os.WriteFile(filepath.Join(root, name), data, 0o755))
	}
	id := realJail(t, k, "kcut", root)
	list, err := netTools{k, id}.Interfaces(context.Background())
	wantErr(t, err, syscall.EMSGSIZE)
	if len(list) > 0 {
		t.Errorf("%d interfaces", len(list))
	}
}
