package jail_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// runForeign starts a jail of another program with a name. It uses all IPv4 addresses of
// the host, differs in its parameters from what ours has, and has a rule of rctl(8).
func runForeign(t *testing.T, h *simhost.Host, name, path string) kernel.Identity {
	t.Helper()
	ctx := context.Background()
	list, err := h.Kernel.Interfaces(ctx)
	require.NoError(t, err)
	params := []kernel.Param{
		kernel.String("name", name), kernel.String("path", path), kernel.Bool("persist", true),
		kernel.Bool("allow.raw_sockets", true), kernel.Bool("allow.set_hostname", false),
	}
	var addrs []netip.Addr
	for _, i := range list {
		for _, a := range i.Addrs {
			if a.Addr().Is4() && !slices.Contains(i.Groups, network.Group) { // not of an epair of ours
				addrs = append(addrs, a.Addr())
			}
		}
	}
	if len(addrs) > 0 {
		params = append(params, kernel.Addrs("ip4.addr", addrs...))
	}
	jid, err := h.Kernel.JailSet(ctx, kernel.JailCreate, params...)
	if errors.Is(err, syscall.EADDRINUSE) { // another jail of ours has one of them
		jid, err = h.Kernel.JailSet(ctx, kernel.JailCreate, params[:len(params)-1]...)
	}
	require.NoError(t, err)
	id, err := h.Kernel.JailIdentify(ctx, 0, kernel.ByJID(jid))
	require.NoError(t, err)
	if err := h.Kernel.RctlAddRule(ctx, "jail:"+name+":openfiles:deny=77"); err != nil {
		require.ErrorIs(t, err, kernel.ErrUnsupported)
	}
	return id
}

// used returns what a running jail has: its parameters, its rules of rctl(8) and its
// addresses, by interface.
func used(t *testing.T, h *simhost.Host, name string) (out []string) {
	t.Helper()
	ctx := context.Background()
	id, err := h.Kernel.JailIdentify(ctx, 0, kernel.ByName(name))
	require.NoError(t, err, "removed")
	names := []string{"allow.raw_sockets", "allow.set_hostname", "ip4.addr", "host.hostname", "path", "children.max"}
	p, err := h.Kernel.JailGet(ctx, 0, kernel.ByJID(id.JID), names...)
	require.NoError(t, err)
	out = append(out, id.String())
	for _, name := range names {
		data, _ := p.Raw(name)
		out = append(out, fmt.Sprintf("%s=%q", name, data))
	}
	rules, err := h.Kernel.RctlGetRules(ctx, "jail:"+name)
	if err != nil {
		require.ErrorIs(t, err, kernel.ErrUnsupported)
	}
	list, err := h.Kernel.Interfaces(ctx)
	require.NoError(t, err)
	for _, i := range list {
		for _, a := range i.Addrs {
			if slices.Contains(p.Addrs("ip4.addr", 4), a.Addr()) {
				out = append(out, fmt.Sprintf("%s %s", i.Name, a))
			}
		}
	}
	return append(out, slices.Sorted(slices.Values(rules))...)
}

// TestRecoverLeavesAnothersJail: Recover changed parameters of a jail that another program
// had started under the name since the crash, and took its rules of rctl(8) and its
// addresses away.
func TestRecoverLeavesAnothersJail(t *testing.T) {
	run := map[string]func(context.Context, *jail.Jail) error{
		"start": func(ctx context.Context, j *jail.Jail) error {
			_, err := j.Start(ctx, jail.StartOptions{})
			return err
		},
		"set": func(ctx context.Context, j *jail.Jail) error {
			_, err := j.Set(ctx, map[string]string{"allow_raw_sockets": "yes", "maxproc": "50"}, jail.SetOptions{})
			return err
		},
		"stop": func(ctx context.Context, j *jail.Jail) error {
			_, err := j.Stop(ctx, jail.StopOptions{})
			return err
		},
	}
	for _, c := range []struct{ op, kind, phase string }{
		{"start", "set limits", "do"},
		{"start", "set limits", "done"},
		{"start", "add addresses", "done"},
		{"start", "create jail", "done"},
		{"set", "change parameters", "do"},
		{"set", "change parameters", "done"},
		{"set", "change limits", "done"},
		{"stop", "remove jail", "done"},
		{"stop", "remove addresses", "do"},
		{"stop", "unmount", "do"},
		{"stop", "clear limits", "do"},
	} {
		t.Run(c.op+" "+c.kind+" "+c.phase, func(t *testing.T) {
			ctx := t.Context()
			h := netHost(t)
			j := newJail(t, h, "web", false, map[string]string{"ip4_addr": "em0|192.0.2.9/24", "maxproc": "100"})
			if c.op != "start" {
				start(t, j)
			}
			err := run[c.op](plan.WithFault(ctx, func(p plan.Point) error {
				if p.Step.Kind == c.kind && p.Phase == c.phase {
					return plan.ErrCrash
				}
				return nil
			}), j)
			require.ErrorIs(t, err, plan.ErrCrash)
			if id, err := j.Identity(ctx); err == nil {
				require.NoError(t, h.Kernel.JailRemove(ctx, id))
			}
			runForeign(t, h, j.Identifier(), t.TempDir())
			before := used(t, h, j.Identifier())
			_, err = jail.Recover(ctx, h.Host)
			require.NoError(t, err)
			require.Equal(t, before, used(t, h, j.Identifier()))
		})
	}
}

// TestStartThatFailsPutsRulesBack: a start that failed had removed the rules that an
// operator had given the jail's name.
func TestStartThatFailsPutsRulesBack(t *testing.T) {
	ctx := t.Context()
	h := newHost(t)
	j := newJail(t, h, "web", false, map[string]string{"maxproc": "100"})
	require.NoError(t, h.Kernel.RctlAddRule(ctx, "jail:"+j.Identifier()+":openfiles:deny=5"))
	before, err := h.Kernel.RctlGetRules(ctx, "jail:"+j.Identifier())
	require.NoError(t, err)
	require.Len(t, before, 1)
	set := false
	_, err = j.Start(plan.WithFault(ctx, func(p plan.Point) error {
		set = set || p.Step.Kind == "set limits" && p.Phase == "done"
		if p.Step.Kind == "create jail" && p.Phase == "do" {
			return errInjected
		}
		return nil
	}), jail.StartOptions{})
	require.ErrorIs(t, err, errInjected)
	require.True(t, set)
	after, err := h.Kernel.RctlGetRules(ctx, "jail:"+j.Identifier())
	require.NoError(t, err)
	require.Equal(t, before, after)
}

// TestForeignJailWhileOursIsNotMounted: another program's jail of the name was taken for
// ours, and a forced Stop or Destroy removed it.
func TestForeignJailWhileOursIsNotMounted(t *testing.T) {
	for _, foreign := range []bool{true, false} {
		h := newHost(t)
		ctx := t.Context()
		j := newJail(t, h, "web", false, nil)
		if !foreign {
			start(t, j)
		}
		require.NoError(t, h.Store.Unmount(ctx, j.RootDataset(), true))
		require.NoError(t, h.Store.Unmount(ctx, j.Dataset(), true))
		var id kernel.Identity
		if foreign {
			id = runForeign(t, h, j.Identifier(), t.TempDir())
		}
		_, err := j.Identity(ctx)
		if !foreign { // its mountpoint proves it
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, jail.ErrForeign)
		running, err := j.Running(ctx)
		require.NoError(t, err)
		require.False(t, running)
		_, err = j.Stop(ctx, jail.StopOptions{Force: true})
		require.Error(t, err)
		_, err = j.Destroy(ctx, jail.DestroyOptions{Force: true})
		require.ErrorIs(t, err, jail.ErrForeign)
		now, err := h.Kernel.JailIdentify(ctx, 0, kernel.ByName(j.Identifier()))
		require.NoError(t, err)
		require.Equal(t, id, now)
	}
}
