package simkernel

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/libioc/go-libioc/kernel"
)

// journal keeps the records that a kernel commits.
type journal struct {
	log     []Record
	commits int
	fail    error
}

func (j *journal) commit(changed []Record) error {
	if j.fail != nil {
		return j.fail
	}
	j.commits++
	j.log = append(j.log, changed...)
	return nil
}

// picture is all that a second process has to find again.
func picture(t *testing.T, s *Kernel) string {
	t.Helper()
	ctx := context.Background()
	var out []any
	for p, err := range s.JailList(ctx, 0, "path", "parent", "ip4.addr", "host.hostname", "children.cur", "cpuset.id", "allow.raw_sockets", "vnet", "securelevel", "zfs.mount_snapshot") {
		check(t, err)
		out = append(out, p)
	}
	mounts, err := s.Getfsstat(ctx)
	check(t, err)
	sets, err := s.DevfsRulesets(ctx)
	check(t, err)
	rules, err := s.RctlGetRules(ctx, "")
	check(t, err)
	ifs, err := s.Interfaces(ctx)
	check(t, err)
	for _, n := range sets {
		r, err := s.DevfsRules(ctx, n)
		check(t, err)
		out = append(out, n, r)
	}
	boot, err := s.BootID(ctx)
	check(t, err)
	routes, err := s.Routes(ctx, 0)
	check(t, err)
	b, err := json.Marshal(append(out, mounts, rules, ifs, routes, boot))
	check(t, err)
	return string(b)
}

func TestPersists(t *testing.T) {
	ctx := context.Background()
	root := t.TempDir()
	j := &journal{}
	opts := Options{Root: root, Commit: j.commit}
	s := newSim(t, opts)
	a := newJail(t, s, "a", kernel.Int("children.max", 5), kernel.Addrs("ip4.addr", netip.MustParseAddr("192.0.2.1")), kernel.Bool("allow.raw_sockets", true), kernel.String("host.hostname", "h"))
	newJail(t, s, "a.kid")
	v := newJail(t, s, "v", kernel.Jailsys("vnet", kernel.JailSysNew))
	_, err := s.Nmount(ctx, kernel.MountRequest{Type: "devfs", Path: "/j/dev", Options: []kernel.MountOption{{Name: "ruleset", Value: "4"}}})
	check(t, err)
	check(t, s.DevfsAddRule(ctx, 77, kernel.DevfsRule{Path: "bpf*", Unhide: true}))
	check(t, s.DevfsDeleteRules(ctx, 5))
	check(t, s.RctlAddRule(ctx, "jail:a:maxproc:deny=5"))
	epair, err := s.InterfaceCreate(ctx, "epair")
	check(t, err)
	check(t, s.InterfaceToVnet(ctx, "epair0b", v))
	check(t, s.AddressAdd(ctx, epair, kernel.Address{Prefix: netip.MustParsePrefix("192.0.2.9/24")}))
	check(t, s.In(v).AddressAdd(ctx, "epair0b", kernel.Address{Prefix: netip.MustParsePrefix("192.0.2.10/24")}))
	check(t, s.RouteAdd(ctx, kernel.Route{Dest: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.10")}))
	before := j.commits
	_, err = s.JailSet(ctx, kernel.JailUpdate, kernel.ByJID(a.JID), kernel.Int("securelevel", 1))
	check(t, err)
	if j.commits != before+1 {
		t.Errorf("%d commits for one call", j.commits-before)
	}
	want := picture(t, s)
	if j.commits != before+1 {
		t.Error("reading commits")
	}

	j2 := &journal{}
	again, err := New(Options{Root: root, Load: j.log, Commit: j2.commit})
	check(t, err)
	if got := picture(t, again); got != want {
		t.Fatalf("the second process sees\n%s\nnot\n%s", got, want)
	}
	if j2.commits != 0 {
		t.Errorf("loading committed %v", j2.log)
	}
	if ifs, err := again.In(v).Interfaces(ctx); err != nil || len(ifs) != 2 || len(ifs[1].Addrs) != 1 {
		t.Errorf("in the jail: %+v %v", ifs, err)
	}
	jid, err := again.JailSet(ctx, kernel.JailCreate, kernel.String("name", "next"), kernel.String("path", "/j"), kernel.Bool("persist", true))
	check(t, err)
	if jid != v.JID+1 {
		t.Errorf("the next jid is %d", jid)
	}
	wantErr(t, again.Unmount(ctx, "/rel", 0), syscall.EINVAL)
	check(t, again.JailRemove(ctx, a))
	third, err := New(Options{Root: root, Load: append(j.log, j2.log...)})
	check(t, err)
	if _, err := third.JailGet(ctx, 0, kernel.ByName("a.kid"), "jid"); !errors.Is(err, kernel.ErrNotFound) {
		t.Errorf("a removed child is back: %v", err)
	}
}

func TestCommitFails(t *testing.T) {
	ctx := context.Background()
	j := &journal{}
	s := newSim(t, Options{Commit: j.commit})
	j.fail = errors.New("disk full")
	_, err := s.JailSet(ctx, kernel.JailCreate, kernel.String("name", "a"), kernel.String("path", "/j"), kernel.Bool("persist", true))
	wantErr(t, err, j.fail)
	_, err = s.JailGet(ctx, 0, kernel.ByName("a"), "jid")
	check(t, err) // the change has been made in memory
}

func TestReboot(t *testing.T) {
	ctx := context.Background()
	j := &journal{}
	root := t.TempDir()
	s := newSim(t, Options{Root: root, Commit: j.commit})
	_, err := s.AttachMount(kernel.Mounted{Type: "zfs", From: "zroot/x", Path: "/mnt"})
	check(t, err)
	fsid := func() kernel.FSID {
		m, err := s.AttachMount(kernel.Mounted{Type: "zfs", From: "zroot/x", Path: "/mnt"})
		check(t, err)
		return m.FSID
	}
	id := newJail(t, s, "a")
	check(t, s.RctlAddRule(ctx, "jail:a:maxproc:deny=5"))
	_, err = s.InterfaceCreate(ctx, "epair")
	check(t, err)
	inside, err := s.Inside(id)
	check(t, err)
	done := make(chan kernel.Exit, 1)
	go func() {
		e, _ := s.Run(ctx, kernel.Command{Jail: id, Argv: []string{"/bin/sleep", "60"}})
		done <- e
	}()
	waitFor(t, func() bool { p, _ := s.ProcessList(ctx, id.JID); return len(p) == 1 })
	boot, _ := s.BootID(ctx)
	oldFSID := fsid()
	check(t, s.Reboot())
	if e := <-done; e.Signal != 9 {
		t.Errorf("the process ended with %+v", e)
	}
	if now, _ := s.BootID(ctx); now == boot {
		t.Error("the boot id is the same")
	}
	for p, err := range s.JailList(ctx, kernel.JailDying) {
		t.Errorf("left: %v %v", p, err)
	}
	if m, _ := s.Getfsstat(ctx); len(m) != 1 {
		t.Errorf("mounts: %+v", m)
	}
	if r, _ := s.RctlGetRules(ctx, ""); len(r) != 0 {
		t.Errorf("rules: %v", r)
	}
	if i, _ := s.Interfaces(ctx); len(i) != 2 {
		t.Errorf("interfaces: %+v", i)
	}
	if _, err := inside.Getfsstat(ctx); !errors.Is(err, kernel.ErrNotFound) {
		t.Errorf("a view from inside works on: %v", err)
	}
	if again := fsid(); again != oldFSID {
		t.Errorf("the dataset's FSID was %v and is %v", oldFSID, again)
	}
	second, err := New(Options{Root: root, Load: j.log})
	check(t, err)
	if got, want := picture(t, second), picture(t, s); got != want {
		t.Errorf("loaded\n%s\nwant\n%s", got, want)
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}

func TestHoldDying(t *testing.T) {
	ctx := context.Background()
	s := newSim(t, Options{})
	id := newJail(t, s, "a", kernel.Jailsys("vnet", kernel.JailSysNew))
	_, err := s.InterfaceCreate(ctx, "epair")
	check(t, err)
	check(t, s.InterfaceToVnet(ctx, "epair0b", id))
	release, err := s.HoldDying(id)
	check(t, err)
	check(t, s.JailRemove(ctx, id))
	check(t, s.JailRemove(ctx, id)) // dying is no error
	_, err = s.JailGet(ctx, 0, kernel.ByName("a"), "jid")
	wantErr(t, err, kernel.ErrDying, kernel.ErrNotFound)
	p, err := s.JailGet(ctx, kernel.JailDying, kernel.ByName("a"), "dying")
	check(t, err)
	if !p.Bool("dying") {
		t.Error("not dying")
	}
	if i, _ := s.Interfaces(ctx); len(i) != 3 {
		t.Errorf("the interface is back while the jail is dying: %+v", i)
	}
	wantErr(t, s.Unmount(ctx, "/j/bin", 0)) // /j itself is not the mount
	release()
	release()
	_, err = s.JailGet(ctx, kernel.JailDying, kernel.ByJID(id.JID), "dying")
	wantErr(t, err, kernel.ErrNotFound)
	if i, _ := s.Interfaces(ctx); len(i) != 4 {
		t.Errorf("the interface did not come home: %+v", i)
	}
}

// TestDeadJID: FreeBSD 15 gives a dying jail's jid to a new one, 13 does not.
func TestDeadJID(t *testing.T) {
	ctx := context.Background()
	for _, release := range []string{"13.2-RELEASE", "15.1-RELEASE"} {
		j := &journal{}
		root := t.TempDir()
		s := newSim(t, Options{Release: release, Root: root, Commit: j.commit})
		old := newJail(t, s, "old", kernel.Jailsys("vnet", kernel.JailSysNew))
		_, err := s.InterfaceCreate(ctx, "epair")
		check(t, err)
		check(t, s.InterfaceToVnet(ctx, "epair0b", old))
		release1, err := s.HoldDying(old)
		check(t, err)
		check(t, s.JailRemove(ctx, old))
		_, err = s.JailSet(ctx, kernel.JailCreate, kernel.Int("jid", old.JID), kernel.String("name", "new"), kernel.String("path", "/j"), kernel.Jailsys("vnet", kernel.JailSysNew), kernel.Bool("persist", true))
		if release == "13.2-RELEASE" {
			wantErr(t, err, kernel.ErrExists)
			continue
		}
		check(t, err)
		wantErr(t, s.JailRemove(ctx, old), kernel.ErrStale)
		id, err := s.JailIdentify(ctx, 0, kernel.ByName("new"))
		check(t, err)
		if id.JID != old.JID {
			t.Errorf("jid %d", id.JID)
		}
		moved, err := s.JailIdentify(ctx, kernel.JailDying, kernel.ByName("old"))
		check(t, err)
		if moved.JID == old.JID || moved.Incarnation != old.Incarnation {
			t.Errorf("the dying one is %+v", moved)
		}
		if ifs, err := s.In(id).Interfaces(ctx); err != nil || len(ifs) != 1 {
			t.Errorf("the new jail's stack: %+v %v", ifs, err)
		}
		want := picture(t, s)
		release1()
		if ifs, err := s.Interfaces(ctx); err != nil || len(ifs) != 4 {
			t.Errorf("the dying jail's interface did not come home: %+v %v", ifs, err)
		}
		if _, err := s.JailIdentify(ctx, kernel.JailDying, kernel.ByName("old")); !errors.Is(err, kernel.ErrNotFound) {
			t.Errorf("old exists: %v", err)
		}
		again, err := New(Options{Release: release, Root: root, Load: j.log})
		check(t, err)
		if got := picture(t, again); got == want || got != picture(t, s) {
			t.Errorf("loaded %s", got)
		}
	}
}
