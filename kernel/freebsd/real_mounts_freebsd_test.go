//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/libioc/go-libioc/kernel"
)

func mustAddr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func mustPrefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func TestRealMounts(t *testing.T) {
	ctx := context.Background()
	k := realKernel(t)
	root := realDir(t)
	for _, d := range []string{"src", "dst", "dev", "a/b"} {
		check(t, os.MkdirAll(filepath.Join(root, d), 0o755))
	}
	check(t, os.WriteFile(root+"/src/file", []byte("x"), 0o644))
	check(t, os.WriteFile(root+"/dst/file", nil, 0o644))
	before, err := k.Getfsstat(ctx)
	check(t, err)

	for _, req := range []kernel.MountRequest{
		{Type: "nullfs", From: root + "/src", Path: root + "/dst", Below: root, Flags: kernel.MntRdOnly},
		{Type: "nullfs", From: root + "/src", Path: root + "/dst", Options: []kernel.MountOption{{Name: "nosuid"}, {Name: "nocache"}}},
		{Type: "nullfs", From: root + "/src/file", Path: root + "/dst/file", Below: root},
		{Type: "tmpfs", From: "tmpfs", Path: root + "/a/b", Below: root, Options: []kernel.MountOption{{Name: "size", Value: "1m"}, {Name: "mode", Value: "1777"}}},
		{Type: "fdescfs", From: "fdescfs", Path: root + "/a/b", Below: root},
		{Type: "procfs", From: "procfs", Path: root + "/a/b", Below: root},
		{Type: "devfs", From: "devfs", Path: root + "/dev", Below: root, AllowEmptyRuleset: true},
	} {
		m, err := k.Nmount(ctx, req)
		if err != nil {
			t.Errorf("%+v: %v", req, err)
			continue
		}
		if m.Type != req.Type || m.Path != req.Path || m.FSID.IsZero() || m.Flags&kernel.MntRdOnly != req.Flags&kernel.MntRdOnly {
			t.Errorf("%+v is %+v", req, m)
		}
		list, err := k.Getfsstat(ctx)
		check(t, err)
		if last := list[len(list)-1]; last != m {
			t.Errorf("the last mount is %+v, not %+v", last, m)
		}
		wantErr(t, k.UnmountFSID(ctx, kernel.FSID{Val: [2]int32{m.FSID.Val[0] + 7000, 1}}, 0), kernel.ErrNotFound, syscall.ENOENT)
		check(t, k.UnmountFSID(ctx, m.FSID, 0))
		wantErr(t, k.UnmountFSID(ctx, m.FSID, 0), kernel.ErrNotFound)
	}
	wantErr(t, k.Unmount(ctx, root+"/dst", 0), kernel.ErrNotFound, syscall.EINVAL)

	for _, c := range []struct {
		what string
		req  kernel.MountRequest
		want []error
	}{
		{"source missing", kernel.MountRequest{Type: "nullfs", From: root + "/nosuch", Path: root + "/dst"}, []error{kernel.ErrNotFound}},
		{"target missing", kernel.MountRequest{Type: "nullfs", From: root + "/src", Path: root + "/nosuch"}, []error{kernel.ErrNotFound}},
		{"target missing below", kernel.MountRequest{Type: "nullfs", From: root + "/src", Path: root + "/nosuch", Below: root}, []error{kernel.ErrNotFound}},
		{"unknown type", kernel.MountRequest{Type: "nosuchfs", Path: root + "/dst"}, []error{syscall.EINVAL}},
		{"directory on a file", kernel.MountRequest{Type: "nullfs", From: root + "/src", Path: root + "/dst/file"}, []error{syscall.EINVAL}},
		{"outside", kernel.MountRequest{Type: "tmpfs", Path: "/tmp", Below: root}, []error{kernel.ErrEscape}},
		{"up and out", kernel.MountRequest{Type: "tmpfs", Path: root + "/../x", Below: root}, []error{kernel.ErrEscape}},
		{"devfs without rules", kernel.MountRequest{Type: "devfs", Path: root + "/dev", Options: []kernel.MountOption{{Name: "ruleset", Value: "4711"}}}, []error{kernel.ErrEmptyRuleset}},
		{"devfs with bad ruleset", kernel.MountRequest{Type: "devfs", Path: root + "/dev", Options: []kernel.MountOption{{Name: "ruleset", Value: "70000"}}}, []error{syscall.EINVAL}},
		{"NUL", kernel.MountRequest{Type: "tmpfs", Path: root + "/dst\x00/x"}, []error{syscall.EINVAL}},
	} {
		_, err := k.Nmount(ctx, c.req)
		var e *kernel.CallError
		for _, want := range c.want {
			if !errors.Is(err, want) || !errors.As(err, &e) {
				t.Errorf("%s: %v is not %v", c.what, err, want)
			}
		}
	}
	after, err := k.Getfsstat(ctx)
	if err != nil || !slices.Equal(before, after) {
		t.Errorf("mounts before %+v\nafter %+v, %v", before, after, err)
	}
}

func TestRealMountDoesNotFollowLinks(t *testing.T) {
	ctx := context.Background()
	k := realKernel(t)
	root := realDir(t)
	outside := realDir(t)
	check(t, os.MkdirAll(root+"/real", 0o755))
	check(t, os.MkdirAll(outside+"/dir", 0o755))
	check(t, os.Symlink(outside, root+"/link"))
	check(t, os.Symlink(outside+"/dir", root+"/last"))
	check(t, os.Symlink(root, outside+"/root"))
	for _, path := range []string{"/link/dir", "/last", "/link"} {
		if _, err := k.Nmount(ctx, kernel.MountRequest{Type: "tmpfs", Path: root + path, Below: root}); !errors.Is(err, kernel.ErrEscape) {
			t.Errorf("%s: %v", path, err)
		}
	}
	// The root itself may be named through a link.
	m, err := k.Nmount(ctx, kernel.MountRequest{Type: "tmpfs", Path: outside + "/root/real", Below: outside + "/root"})
	check(t, err)
	if m.Path != root+"/real" {
		t.Errorf("mounted on %s", m.Path)
	}
	check(t, k.UnmountFSID(ctx, m.FSID, 0))
}

// TestRealMountRace swaps a directory for a link all the time: the mount is
// either where it should be or an error, and never anywhere else.
func TestRealMountRace(t *testing.T) {
	ctx := context.Background()
	k := realKernel(t)
	root, outside := realDir(t), realDir(t)
	check(t, os.Mkdir(root+"/d", 0o755))
	check(t, os.Mkdir(outside+"/trap", 0o755))
	check(t, os.Symlink(outside+"/trap", root+"/link"))
	stop := make(chan struct{})
	var swapping sync.WaitGroup
	swapping.Add(1)
	go func() {
		defer swapping.Done()
		for {
			select {
			case <-stop:
				return
			default:
				_ = os.Rename(root+"/d", root+"/aside")
				_ = os.Rename(root+"/link", root+"/d")
				_ = os.Rename(root+"/d", root+"/link")
				_ = os.Rename(root+"/aside", root+"/d")
			}
		}
	}()
	mounted, escaped := 0, 0
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
		m, err := k.Nmount(ctx, kernel.MountRequest{Type: "tmpfs", Path: root + "/d", Below: root})
		switch {
		case err == nil:
			mounted++
			if m.Path != root+"/d" {
				t.Errorf("mounted on %s", m.Path)
			}
			check(t, k.UnmountFSID(ctx, m.FSID, kernel.MntForce))
		case errors.Is(err, kernel.ErrEscape):
			escaped++
		case errors.Is(err, kernel.ErrNotFound) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.ENOTDIR):
		default:
			t.Errorf("%v", err)
		}
	}
	close(stop)
	swapping.Wait()
	t.Logf("%d mounted, %d refused", mounted, escaped)
	list, err := k.Getfsstat(ctx)
	check(t, err)
	for _, m := range list {
		if strings.HasPrefix(m.Path, root) || strings.HasPrefix(m.Path, outside) {
			t.Errorf("left behind: %+v", m)
			_ = k.UnmountFSID(ctx, m.FSID, kernel.MntForce)
		}
	}
}

func TestRealRulesets(t *testing.T) {
	ctx := context.Background()
	k := realKernel(t)
	const set = 7311
	dev := realDir(t)
	t.Cleanup(func() { check(t, k.DevfsDeleteRules(ctx, set)) })
	mode, uid := uint16(0o600), uint32(0)
	for _, r := range []kernel.DevfsRule{{Hide: true}, {Path: "null", Unhide: true}, {Number: 500, Path: "zero", Unhide: true, Mode: &mode, UID: &uid}} {
		check(t, k.DevfsAddRule(ctx, set, r))
	}
	wantErr(t, k.DevfsAddRule(ctx, set, kernel.DevfsRule{Number: 500, Hide: true}), kernel.ErrExists, syscall.EEXIST)
	rules, err := k.DevfsRules(ctx, set)
	check(t, err)
	var numbers []int
	for _, r := range rules {
		numbers = append(numbers, int(r.Number))
	}
	if !slices.Equal(numbers, []int{100, 200, 500}) || !rules[0].Hide || rules[1].Path != "null" || !rules[1].Unhide || rules[2].Mode == nil || *rules[2].Mode != mode || rules[2].UID == nil || rules[2].GID != nil {
		t.Errorf("rules %+v", rules)
	}
	sets, err := k.DevfsRulesets(ctx)
	if err != nil || !slices.Contains(sets, set) {
		t.Errorf("rulesets %v %v", sets, err)
	}
	m, err := k.Nmount(ctx, kernel.MountRequest{Type: "devfs", From: "devfs", Path: dev, Below: dev, Options: []kernel.MountOption{{Name: "ruleset", Value: strconv.Itoa(set)}}})
	check(t, err)
	defer func() { check(t, k.UnmountFSID(ctx, m.FSID, 0)) }()
	nodes := func() string {
		list, err := os.ReadDir(dev)
		check(t, err)
		var names []string
		for _, e := range list {
			names = append(names, e.Name())
		}
		return strings.Join(names, " ")
	}
	if got := nodes(); got != "null zero" {
		t.Errorf("nodes %q", got)
	}
	check(t, k.DevfsAddRule(ctx, set, kernel.DevfsRule{Path: "random", Unhide: true}))
	check(t, k.DevfsApply(ctx, dev, set))
	if got := nodes(); got != "null random zero" {
		t.Errorf("nodes after applying %q", got)
	}
	wantErr(t, k.DevfsApply(ctx, dev, 7312), kernel.ErrNotFound, syscall.ESRCH)
	wantErr(t, k.DevfsApply(ctx, "/etc", set), syscall.ENOTTY)
	wantErr(t, k.DevfsApply(ctx, dev+"/nosuch", set), kernel.ErrNotFound)
	check(t, k.DevfsDeleteRules(ctx, set))
	if rules, err := k.DevfsRules(ctx, set); err != nil || len(rules) != 0 {
		t.Errorf("left %+v %v", rules, err)
	}
}

func TestRealLimits(t *testing.T) {
	ctx := context.Background()
	k := realKernel(t)
	f, err := k.Features(ctx)
	check(t, err)
	if !f.RACCT {
		err := k.RctlAddRule(ctx, "jail:klimits:maxproc:deny=10")
		wantErr(t, err, kernel.ErrUnsupported, syscall.ENOSYS)
		if !strings.Contains(err.Error(), "kern.racct.enable=1") {
			t.Errorf("the remedy is missing: %v", err)
		}
		return
	}
	realJail(t, k, "klimits", realDir(t))
	t.Cleanup(func() { _ = k.RctlRemoveRule(ctx, "jail:klimits") })
	check(t, k.RctlAddRule(ctx, "jail:klimits:maxproc:deny=10"))
	check(t, k.RctlAddRule(ctx, "jail:klimits:memoryuse:deny=1048576/jail"))
	rules, err := k.RctlGetRules(ctx, "jail:klimits")
	slices.Sort(rules)
	if err != nil || !slices.Equal(rules, []string{"jail:klimits:maxproc:deny=10", "jail:klimits:memoryuse:deny=1048576"}) {
		t.Errorf("rules %q %v", rules, err)
	}
	usage, err := k.RctlGetRacct(ctx, "jail:klimits")
	if _, ok := usage["maxproc"]; err != nil || !ok || len(usage) < 20 {
		t.Errorf("usage %v %v", usage, err)
	}
	check(t, k.RctlRemoveRule(ctx, "jail:klimits:maxproc"))
	check(t, k.RctlRemoveRule(ctx, "jail:klimits"))
	wantErr(t, k.RctlRemoveRule(ctx, "jail:klimits"), kernel.ErrNotFound, syscall.ESRCH)
	wantErr(t, k.RctlAddRule(ctx, "jail:klimits:cputime:deny=10"), syscall.EOPNOTSUPP)
	wantErr(t, k.RctlAddRule(ctx, "jail:klimits:maxproc:deny=-1"), syscall.ERANGE)
	if rules, err := k.RctlGetRules(ctx, "jail:klimits"); err != nil || len(rules) != 0 {
		t.Errorf("left %q %v", rules, err)
	}
}

func TestRealRun(t *testing.T) {
	ctx := context.Background()
	k := realKernel(t)
	id := realJail(t, k, "krun", "/", kernel.String("host.hostname", "krun.example"))
	run := func(cmd kernel.Command) (kernel.Exit, string, string, error) {
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if cmd.Jail.IsZero() {
			cmd.Jail = id
		}
		exit, err := k.Run(ctx, cmd)
		return exit, out.String(), errs.String(), err
	}
	path := "PATH=/bin:/usr/bin:/sbin:/usr/sbin"
	for _, c := range []struct {
		what string
		cmd  kernel.Command
		exit kernel.Exit
		out  string
		errs string
		want error
	}{
		{"in the jail", kernel.Command{Argv: []string{"/bin/hostname"}}, kernel.Exit{}, "krun.example\n", "", nil},
		{"environment", kernel.Command{Argv: []string{"env"}, Env: []string{path, "A=1"}}, kernel.Exit{}, path + "\nA=1\n", "", nil},
		{"no environment", kernel.Command{Argv: []string{"/usr/bin/env"}}, kernel.Exit{}, "", "", nil},
		{"status", kernel.Command{Argv: []string{"/bin/sh", "-c", "exit 7"}}, kernel.Exit{Code: 7}, "", "", nil},
		{"signal", kernel.Command{Argv: []string{"/bin/sh", "-c", "kill -15 $$"}}, kernel.Exit{Code: -1, Signal: 15}, "", "", nil},
		{"input", kernel.Command{Argv: []string{"/bin/cat"}, Stdin: strings.NewReader("in")}, kernel.Exit{}, "in", "", nil},
		{"directory", kernel.Command{Argv: []string{"/bin/pwd"}, Dir: "/etc"}, kernel.Exit{}, "/etc\n", "", nil},
		{"user", kernel.Command{Argv: []string{"/usr/bin/id", "-un"}, User: "operator"}, kernel.Exit{}, "operator\n", "", nil},
		{"user's environment is not added", kernel.Command{Argv: []string{"env"}, User: "operator", Env: []string{path}}, kernel.Exit{}, path + "\n", "", nil},
		{"variables of the loader", kernel.Command{Argv: []string{"env"}, Env: []string{path, "LD_BIND_NOW=1"}}, kernel.Exit{}, "LD_BIND_NOW=1\n" + path + "\n", "", nil},
		{"missing program", kernel.Command{Argv: []string{"/nosuch/cmd"}}, kernel.Exit{Code: 1}, "", "jexec: execvp: /nosuch/cmd: No such file or directory\n", kernel.ErrNotFound},
		{"missing program for a user", kernel.Command{Argv: []string{"nosuch"}, User: "operator"}, kernel.Exit{Code: 1}, "", "jexec: execvp: nosuch: No such file or directory\n", kernel.ErrNotFound},
		{"not a program", kernel.Command{Argv: []string{"/etc/passwd"}}, kernel.Exit{Code: 1}, "", "jexec: execvp: /etc/passwd: Permission denied\n", syscall.EACCES},
		{"missing user", kernel.Command{Argv: []string{"/bin/ls"}, User: "nosuchuser"}, kernel.Exit{Code: 1}, "", "jexec: nosuchuser: no such user\n", kernel.ErrNotFound},
		{"missing directory", kernel.Command{Argv: []string{"/bin/ls"}, Dir: "/nosuch"}, kernel.Exit{Code: 1}, "", "jexec: chdir: /nosuch: No such file or directory\n", kernel.ErrNotFound},
		{"missing jail", kernel.Command{Jail: kernel.Identity{JID: 999998, Name: "x"}, Argv: []string{"/bin/ls"}}, kernel.Exit{}, "", "", kernel.ErrNotFound},
		{"another jail's jid", kernel.Command{Jail: kernel.Identity{JID: id.JID, Name: "krun", Incarnation: 1 << 30}, Argv: []string{"/bin/ls"}}, kernel.Exit{}, "", "", kernel.ErrStale},
	} {
		exit, out, errs, err := run(c.cmd)
		if c.what == "variables of the loader" || c.what == "environment" {
			lines := strings.SplitAfter(strings.TrimSuffix(out, "\n"), "\n")
			lines[len(lines)-1] += "\n"
			slices.Sort(lines)
			want := strings.SplitAfter(c.out, "\n")
			slices.Sort(want)
			out, c.out = strings.Join(lines, ""), strings.Join(want, "")
		}
		if exit != c.exit || out != c.out || errs != c.errs || !errors.Is(err, c.want) {
			t.Errorf("%s: %+v %q %q %v", c.what, exit, out, errs, err)
		}
	}
}

func TestRealProcesses(t *testing.T) {
	k := realKernel(t)
	id := realJail(t, k, "kproc", "/")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := k.Run(ctx, kernel.Command{Jail: id, Argv: []string{"/bin/sleep", "100"}})
		ended <- err
	}()
	var procs []kernel.Process
	for range 500 {
		var err error
		procs, err = k.ProcessList(context.Background(), id.JID)
		check(t, err)
		if len(procs) == 1 && procs[0].Command == "sleep" {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if len(procs) != 1 || procs[0].JID != id.JID || procs[0].User != 0 || time.Since(procs[0].Start).Abs() > time.Hour {
		t.Fatalf("listed %+v", procs)
	}
	short, stop := context.WithTimeout(context.Background(), 50*time.Millisecond)
	wantErr(t, k.ProcessWait(short, procs), context.DeadlineExceeded)
	stop()
	other := procs[0]
	other.Start = other.Start.Add(time.Second)
	wantErr(t, k.ProcessSignal(context.Background(), other, 9), kernel.ErrStale)
	check(t, k.ProcessWait(context.Background(), []kernel.Process{other}))
	check(t, k.ProcessSignal(context.Background(), procs[0], 0))
	waited := make(chan error, 1)
	go func() { waited <- k.ProcessWait(context.Background(), procs) }()
	time.Sleep(50 * time.Millisecond)
	check(t, k.ProcessSignal(context.Background(), procs[0], 15))
	select {
	case err := <-waited:
		check(t, err)
	case <-time.After(20 * time.Second):
		t.Fatal("the end was not seen")
	}
	check(t, <-ended)
	wantErr(t, k.ProcessSignal(context.Background(), procs[0], 15), kernel.ErrStale)
	check(t, k.ProcessWait(context.Background(), procs))

	// Ending the context ends a command in a jail, and its children.
	ctx2, cancel2 := context.WithTimeout(context.Background(), time.Second)
	defer cancel2()
	_, err := k.Run(ctx2, kernel.Command{Jail: id, Argv: []string{"/bin/sh", "-c", "sleep 100 & sleep 100"}})
	wantErr(t, err, context.DeadlineExceeded)
	for range 300 {
		if procs, err = k.ProcessList(context.Background(), id.JID); err == nil && len(procs) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("still there: %+v %v", procs, err)
}
