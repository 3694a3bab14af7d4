package jail_test

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel"
)

// everyLimit calls do with every resource of rctl(8), action and subject of an
// amount.
func everyLimit(do func(resource, rule string)) {
	for _, p := range config.Properties() {
		if p.Scope != config.ScopeLimit {
			continue
		}
		for _, action := range []string{"deny", "log", "devctl", "throttle", "sigterm", "sigkill", "nosuch"} {
			for _, per := range []string{"jail", "process", "user", "loginclass"} {
				do(p.Name, action+"=1000/"+per)
			}
		}
	}
}

// limitsAgree checks that what is refused when a limit is set is what the
// kernel refuses, and nothing else.
func limitsAgree(t *testing.T, k kernel.Kernel) {
	ctx := context.Background()
	const subject = "jail:ioclimits"
	clear := func() {
		if err := k.RctlRemoveRule(ctx, subject); err != nil {
			require.ErrorIs(t, err, kernel.ErrNotFound)
		}
	}
	t.Cleanup(clear)
	resources := map[string]bool{}
	everyLimit(func(resource, rule string) {
		resources[resource] = true
		ours := config.New().Set(resource, rule)
		theirs := k.RctlAddRule(ctx, subject+":"+resource+":"+strings.TrimSuffix(rule, "/jail"))
		clear()
		if (ours == nil) != (theirs == nil) {
			t.Errorf("%s: %s: ours %v, the kernel's %v", resource, rule, ours, theirs)
		}
		if theirs != nil && !errors.Is(theirs, syscall.EOPNOTSUPP) && !errors.Is(theirs, syscall.EINVAL) {
			t.Errorf("%s: %s: %v", resource, rule, theirs)
		}
	})
	require.Len(t, resources, 25)
}

func TestLimitsAgreeWithTheKernel(t *testing.T) {
	limitsAgree(t, netHost(t).Sim)
}

// TestEveryLimit starts a jail with two rules of every resource: they are there
// before its first process and gone after it.
func TestEveryLimit(t *testing.T) {
	ctx := context.Background()
	h := netHost(t)
	properties := map[string]string{"exec_prestart": "true"}
	var want []string
	for _, p := range config.Properties() {
		if p.Scope == config.ScopeLimit {
			properties[p.Name] = "log=1000 devctl=2000"
			want = append(want, "jail:ioc-web:"+p.Name+":log=1000", "jail:ioc-web:"+p.Name+":devctl=2000")
		}
	}
	j := newJail(t, h, "web", false, properties)
	// Another jail's, whose name begins alike, stay.
	require.NoError(t, h.Sim.RctlAddRule(ctx, "jail:ioc-web2:maxproc:deny=5"))
	// An earlier life's go.
	require.NoError(t, h.Sim.RctlAddRule(ctx, "jail:ioc-web:maxproc:deny=1"))
	_, err := j.Start(ctx, jail.StartOptions{})
	require.NoError(t, err)
	rules, err := h.Sim.RctlGetRules(ctx, "jail:ioc-web")
	require.NoError(t, err)
	require.ElementsMatch(t, want, rules)
	set, made := -1, -1
	for i, c := range h.Sim.Calls() {
		switch {
		case c.Op == "rctl_add_rule" && strings.Contains(c.String(), "jail:ioc-web:"):
			set = i
		case c.Op == "jail_set":
			made = i
		}
	}
	require.Less(t, set, made, "limits come before the jail")
	_, err = j.Stop(ctx, jail.StopOptions{})
	require.NoError(t, err)
	rules, err = h.Sim.RctlGetRules(ctx, "")
	require.NoError(t, err)
	require.Equal(t, []string{"jail:ioc-web2:maxproc:deny=5"}, rules)
}
