package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"reflect"
	"syscall"
	"testing"
	"time"
)

// journal keeps the records that a Sim commits.
type journal struct {
	log     []SimRecord
	commits int
	fail    error
}

func (j *journal) commit(changed []SimRecord) error {
	if j.fail != nil {
		return j.fail
	}
	j.commits++
	j.log = append(j.log, changed...)
	return nil
}

// picture is all that a second process has to find again.
func picture(t *testing.T, s *Sim) string {
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

func TestSimPersists(t *testing.T) {
	ctx := context.Background()
	root := t.TempDir()
	j := &journal{}
	opts := SimOptions{Root: root, Commit: j.commit}
	s := newSim(t, opts)
	a := newJail(t, s, "a", Int("children.max", 5), Addrs("ip4.addr", netip.MustParseAddr("192.0.2.1")), Bool("allow.raw_sockets", true), String("host.hostname", "h"))
	newJail(t, s, "a.kid")
	v := newJail(t, s, "v", Jailsys("vnet", JailSysNew))
	_, err := s.Nmount(ctx, MountRequest{Type: "devfs", Path: "/j/dev", Options: []MountOption{{"ruleset", "4"}}})
	check(t, err)
	check(t, s.DevfsAddRule(ctx, 77, DevfsRule{Path: "bpf*", Unhide: true}))
	check(t, s.DevfsDeleteRules(ctx, 5))
	check(t, s.RctlAddRule(ctx, "jail:a:maxproc:deny=5"))
	epair, err := s.InterfaceCreate(ctx, "epair")
	check(t, err)
	check(t, s.InterfaceToVnet(ctx, "epair0b", v))
	check(t, s.AddressAdd(ctx, epair, Address{Prefix: netip.MustParsePrefix("192.0.2.9/24")}))
	check(t, s.In(v).AddressAdd(ctx, "epair0b", Address{Prefix: netip.MustParsePrefix("192.0.2.10/24")}))
	check(t, s.RouteAdd(ctx, Route{Dest: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.10")}))
	before := j.commits
	_, err = s.JailSet(ctx, JailUpdate, ByJID(a.JID), Int("securelevel", 1))
	check(t, err)
	if j.commits != before+1 {
		t.Errorf("%d commits for one call", j.commits-before)
	}
	want := picture(t, s)
	if j.commits != before+1 {
		t.Error("reading commits")
	}

	j2 := &journal{}
	again, err := NewSim(SimOptions{Root: root, Load: j.log, Commit: j2.commit})
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
	jid, err := again.JailSet(ctx, JailCreate, String("name", "next"), String("path", "/j"), Bool("persist", true))
	check(t, err)
	if jid != v.JID+1 {
		t.Errorf("the next jid is %d", jid)
	}
	wantErr(t, again.Unmount(ctx, "/rel", 0), syscall.EINVAL)
	check(t, again.JailRemove(ctx, a))
	third, err := NewSim(SimOptions{Root: root, Load: append(j.log, j2.log...)})
	check(t, err)
	if _, err := third.JailGet(ctx, 0, ByName("a.kid"), "jid"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a removed child is back: %v", err)
	}
}

func TestSimCommitFails(t *testing.T) {
	ctx := context.Background()
	j := &journal{}
	s := newSim(t, SimOptions{Commit: j.commit})
	j.fail = errors.New("disk full")
	_, err := s.JailSet(ctx, JailCreate, String("name", "a"), String("path", "/j"), Bool("persist", true))
	wantErr(t, err, j.fail)
	_, err = s.JailGet(ctx, 0, ByName("a"), "jid")
	check(t, err) // the change has been made in memory
}

func TestSimReboot(t *testing.T) {
	ctx := context.Background()
	j := &journal{}
	root := t.TempDir()
	s := newSim(t, SimOptions{Root: root, Commit: j.commit})
	_, err := s.AttachMount(Mounted{Type: "zfs", From: "zroot/x", Path: "/mnt"})
	check(t, err)
	fsid := func() FSID {
		m, err := s.AttachMount(Mounted{Type: "zfs", From: "zroot/x", Path: "/mnt"})
		check(t, err)
		return m.FSID
	}
	id := newJail(t, s, "a")
	check(t, s.RctlAddRule(ctx, "jail:a:maxproc:deny=5"))
	_, err = s.InterfaceCreate(ctx, "epair")
	check(t, err)
	inside, err := s.Inside(id)
	check(t, err)
	done := make(chan Exit, 1)
	go func() {
		e, _ := s.Run(ctx, Command{Jail: id, Argv: []string{"/bin/sleep", "60"}})
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
	for p, err := range s.JailList(ctx, JailDying) {
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
	if _, err := inside.Getfsstat(ctx); !errors.Is(err, ErrNotFound) {
		t.Errorf("a view from inside works on: %v", err)
	}
	if again := fsid(); again != oldFSID {
		t.Errorf("the dataset's FSID was %v and is %v", oldFSID, again)
	}
	second, err := NewSim(SimOptions{Root: root, Load: j.log})
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

func TestSimFaults(t *testing.T) {
	ctx := context.Background()
	s := newSim(t, SimOptions{})
	boom := errors.New("boom")
	create := func(name string) error {
		_, err := s.JailSet(ctx, JailCreate, String("name", name), String("path", "/j"), Bool("persist", true))
		return err
	}
	there := func(name string) bool {
		_, err := s.JailGet(ctx, 0, ByName(name), "jid")
		return err == nil
	}
	s.Fail("jail_set", "name=b", 2, boom, false)
	check(t, create("a"))
	check(t, create("b"))
	wantErr(t, create("b2"), boom)
	check(t, create("b3"))
	if there("b2") || !there("b3") {
		t.Error("before: the second match fails without effect, and it alone")
	}
	s.Fail("", "after", 1, boom, true)
	wantErr(t, create("after"), boom)
	if !there("after") {
		t.Error("after: it has its effect")
	}
	cancel := s.Fail("unmount", "", 0, syscall.EBUSY, false)
	for range 3 {
		wantErr(t, s.Unmount(ctx, "/mnt", 0), syscall.EBUSY)
	}
	cancel()
	wantErr(t, s.Unmount(ctx, "/mnt", 0), syscall.EINVAL)
	var ops []string
	for _, c := range s.Calls()[:2] {
		ops = append(ops, c.String())
	}
	want := []string{"jail_set 0x1 name=a path=/j persist", "jail_set 0x1 name=b path=/j persist"}
	if !reflect.DeepEqual(ops, want) {
		t.Errorf("calls %q", ops)
	}
	s.ResetCalls()
	if len(s.Calls()) != 0 || s.Forks() != 0 {
		t.Error("calls are left")
	}
}

func TestSimHoldDying(t *testing.T) {
	ctx := context.Background()
	s := newSim(t, SimOptions{})
	id := newJail(t, s, "a", Jailsys("vnet", JailSysNew))
	_, err := s.InterfaceCreate(ctx, "epair")
	check(t, err)
	check(t, s.InterfaceToVnet(ctx, "epair0b", id))
	release, err := s.HoldDying(id)
	check(t, err)
	check(t, s.JailRemove(ctx, id))
	check(t, s.JailRemove(ctx, id)) // dying is no error
	_, err = s.JailGet(ctx, 0, ByName("a"), "jid")
	wantErr(t, err, ErrDying, ErrNotFound)
	p, err := s.JailGet(ctx, JailDying, ByName("a"), "dying")
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
	_, err = s.JailGet(ctx, JailDying, ByJID(id.JID), "dying")
	wantErr(t, err, ErrNotFound)
	if i, _ := s.Interfaces(ctx); len(i) != 4 {
		t.Errorf("the interface did not come home: %+v", i)
	}
}

// TestSimDeadJID: FreeBSD 15 gives a dying jail's jid to a new one, 13 does not.
func TestSimDeadJID(t *testing.T) {
	ctx := context.Background()
	for _, release := range []string{"13.2-RELEASE", "15.1-RELEASE"} {
		j := &journal{}
		root := t.TempDir()
		s := newSim(t, SimOptions{Release: release, Root: root, Commit: j.commit})
		old := newJail(t, s, "old", Jailsys("vnet", JailSysNew))
		_, err := s.InterfaceCreate(ctx, "epair")
		check(t, err)
		check(t, s.InterfaceToVnet(ctx, "epair0b", old))
		release1, err := s.HoldDying(old)
		check(t, err)
		check(t, s.JailRemove(ctx, old))
		_, err = s.JailSet(ctx, JailCreate, Int("jid", old.JID), String("name", "new"), String("path", "/j"), Jailsys("vnet", JailSysNew), Bool("persist", true))
		if release == "13.2-RELEASE" {
			wantErr(t, err, ErrExists)
			continue
		}
		check(t, err)
		wantErr(t, s.JailRemove(ctx, old), ErrStale)
		id, err := s.JailIdentify(ctx, 0, ByName("new"))
		check(t, err)
		if id.JID != old.JID {
			t.Errorf("jid %d", id.JID)
		}
		moved, err := s.JailIdentify(ctx, JailDying, ByName("old"))
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
		if _, err := s.JailIdentify(ctx, JailDying, ByName("old")); !errors.Is(err, ErrNotFound) {
			t.Errorf("old is there: %v", err)
		}
		again, err := NewSim(SimOptions{Release: release, Root: root, Load: j.log})
		check(t, err)
		if got := picture(t, again); got == want || got != picture(t, s) {
			t.Errorf("loaded %s", got)
		}
	}
}
