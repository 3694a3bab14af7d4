package kernel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
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

func TestSimResolve(t *testing.T) {
	ctx := context.Background()
	s := newSim(t, SimOptions{})
	root := s.s.opts.Root
	id := newJail(t, s, "a")
	check(t, os.WriteFile(filepath.Join(root, "j/etc/motd"), []byte("hi"), 0o644))
	check(t, os.Symlink("/etc/motd", filepath.Join(root, "j/link")))
	check(t, os.Symlink("../../../../etc/motd", filepath.Join(root, "j/up")))
	for path, want := range map[string]string{
		"/j/bin/echo": "rel/bin/echo", "/j/bin": "rel/bin", "/j/etc/../etc/motd": "j/etc/motd", "/": "",
	} {
		got, err := s.Resolve(path)
		if err != nil || got != filepath.Join(root, want) {
			t.Errorf("%s: %s %v", path, got, err)
		}
	}
	for _, path := range []string{"/link", "/up"} {
		got, err := s.ResolveIn(id, path)
		if err != nil || got != filepath.Join(root, "j/etc/motd") {
			t.Errorf("in the jail %s: %s %v", path, got, err)
		}
	}
	_, err := s.Resolve("/j/none")
	wantErr(t, err, os.ErrNotExist, ErrNotFound)
	_, err = s.ResolveWrite("/j/bin/new")
	wantErr(t, err, syscall.EROFS)
	got, err := s.ResolveWrite("/j/etc/new")
	if err != nil || got != filepath.Join(root, "j/etc/new") {
		t.Errorf("%s %v", got, err)
	}
	_, err = s.Nmount(ctx, MountRequest{Type: "tmpfs", Path: "/j/tmp"})
	check(t, err)
	got, err = s.ResolveWrite("/j/tmp/x")
	check(t, err)
	check(t, os.WriteFile(got, nil, 0o600))
	check(t, s.Unmount(ctx, "/j/tmp", 0))
	if _, err := os.Stat(filepath.Dir(got)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the tmpfs left its files: %v", err)
	}
}

func TestSimBusy(t *testing.T) {
	s := newSim(t, SimOptions{})
	_, err := s.AttachMount(Mounted{Type: "zfs", From: "zroot/mnt", Path: "/mnt"})
	check(t, err)
	if s.Busy("/") || s.Busy("/mnt") {
		t.Error("an attached file system alone is no use of it")
	}
	release, err := s.HoldBusy("/mnt")
	check(t, err)
	wantErr(t, s.DetachMount("/mnt", 0), syscall.EBUSY)
	release()
	check(t, s.DetachMount("/mnt", 0))
	newJail(t, s, "a")
	for path, want := range map[string]bool{"/": true, "/j": true, "/j/bin": true, "/rel": true, "/mnt": false, "/j/etc": false} {
		if got := s.Busy(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestSimDevfs(t *testing.T) {
	ctx := context.Background()
	s := newSim(t, SimOptions{})
	mount := func(ruleset string) {
		t.Helper()
		_, err := s.Nmount(ctx, MountRequest{Type: "devfs", Path: "/j/dev", Below: "/j", Options: []MountOption{{"ruleset", ruleset}}})
		check(t, err)
	}
	mount("4")
	_, err := s.Nmount(ctx, MountRequest{Type: "fdescfs", Path: "/j/dev/fd", Below: "/j"})
	check(t, err)
	wantErr(t, s.Unmount(ctx, "/j/dev", 0), syscall.EBUSY)
	check(t, s.Unmount(ctx, "/j/dev/fd", 0))
	check(t, s.Unmount(ctx, "/j/dev", 0))
	check(t, s.DevfsAddRule(ctx, 90, DevfsRule{Hide: true}))
	check(t, s.DevfsAddRule(ctx, 90, DevfsRule{Include: 2}))
	mount("90")
	_, err = s.Nmount(ctx, MountRequest{Type: "fdescfs", Path: "/j/dev/fd", Below: "/j"})
	wantErr(t, err, ErrNotFound)
	check(t, s.DevfsApply(ctx, "/j/dev", 3))
	_, err = s.Nmount(ctx, MountRequest{Type: "fdescfs", Path: "/j/dev/fd", Below: "/j"})
	check(t, err)
	names, err := s.ReadDir("/j/dev")
	check(t, err)
	if got := fmt.Sprint(names); got != "[fd null random stderr stdin stdout urandom zero]" {
		t.Error(got)
	}
}

func TestSimPrograms(t *testing.T) {
	ctx := context.Background()
	s := newSim(t, SimOptions{Programs: map[string]Program{
		"daemon": func(ctx context.Context, p *SimProcess) int {
			if _, err := p.Start(true, "/bin/sleep", "60"); err != nil {
				fmt.Fprintln(p.Stderr, err)
				return 1
			}
			return 0
		},
		"stubborn": func(ctx context.Context, p *SimProcess) int {
			term := p.Trap(15)
			fmt.Fprint(p.Stdout, "ready")
			select {
			case <-ctx.Done():
			case <-term:
				<-ctx.Done() // takes no notice
			}
			return 0
		},
		"write": func(ctx context.Context, p *SimProcess) int {
			if err := p.WriteFile(p.Argv[1], []byte("x"), 0o644); err != nil {
				fmt.Fprintln(p.Stderr, err)
				return 1
			}
			return 0
		},
	}})
	for _, name := range []string{"daemon", "stubborn", "write"} {
		check(t, os.WriteFile(filepath.Join(s.s.opts.Root, "rel/bin", name), []byte("text"), 0o755))
	}
	id := newJail(t, s, "a")
	run := func(argv ...string) (Exit, string) {
		t.Helper()
		var out bytes.Buffer
		e, err := s.Run(ctx, Command{Jail: id, Argv: argv, Env: []string{"PATH=/bin"}, Stdout: &out, Stderr: &out})
		check(t, err)
		return e, out.String()
	}
	for script, want := range map[string]string{
		"echo a; echo 'b  c'; echo \"d\"": "a\nb  c\nd\n",
		"true && echo yes || echo no":     "yes\n",
		"nosuch || echo no":               "sh: nosuch: not found\nno\n",
		"echo 'open":                      "sh: Syntax error: Unterminated quoted string\n",
		"echo one # two":                  "one\n",
	} {
		if _, out := run("sh", "-c", script); out != want {
			t.Errorf("%s: %q", script, out)
		}
	}
	if e, _ := run("write", "/etc/new"); e.Code != 0 {
		t.Errorf("write: %+v", e)
	}
	if e, out := run("write", "/bin/new"); e.Code != 1 {
		t.Errorf("write to a read-only mount: %+v %s", e, out)
	}
	if e, _ := run("daemon"); e.Code != 0 {
		t.Errorf("daemon: %+v", e)
	}
	procs, err := s.ProcessList(ctx, id.JID)
	if err != nil || len(procs) != 1 || procs[0].Command != "sleep" {
		t.Fatalf("%+v %v", procs, err)
	}
	tctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	e, err := s.Run(tctx, Command{Jail: id, Argv: []string{"/bin/stubborn"}, KillDelay: 20 * time.Millisecond})
	wantErr(t, err, context.DeadlineExceeded)
	if e.Signal != 9 {
		t.Errorf("SIGTERM is not enough: %+v", e)
	}
	check(t, s.JailRemove(ctx, id))
	check(t, s.ProcessWait(ctx, procs))
	waitFor(t, func() bool {
		_, err := s.JailGet(ctx, JailDying, ByJID(id.JID), "jid")
		return errors.Is(err, ErrNotFound)
	})
}
