package jail_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/kernel/simkernel"
)

func limitedHost(t *testing.T) *simhost.Host {
	h := newHost(t)
	newJail(t, h, "web", false, map[string]string{"maxproc": "100", "openfiles": "deny=4096", "cpuset": "0"})
	return h
}

// drifted is a running jail whose rules somebody has changed.
func drifted(t *testing.T, ctx context.Context, h *simhost.Host) {
	started("web")(t, ctx, h)
	require.NoError(t, h.Sim.RctlRemoveRule(ctx, "jail:ioc-web"))
	require.NoError(t, h.Sim.RctlAddRule(ctx, "jail:ioc-web:maxproc:deny=7"))
}

func limitOperations() []operationRow {
	r := operationRow{name: "apply limits", setup: limitedHost, ready: drifted}
	r.plan, r.run = on("web", jail.LimitOptions{}, (*jail.JailGenerator).ApplyLimits)
	return []operationRow{r}
}

func TestApplyLimits(t *testing.T) {
	ctx := context.Background()
	h := limitedHost(t)
	j, err := jail.Load(ctx, h.Host, "web")
	require.NoError(t, err)
	_, err = j.ApplyLimits(ctx, jail.LimitOptions{})
	require.ErrorIs(t, err, jail.ErrNotRunning)
	drifted(t, ctx, h)
	_, err = j.ApplyLimits(ctx, jail.LimitOptions{})
	require.NoError(t, err)
	rules := func() []string {
		rules, err := h.Sim.RctlGetRules(ctx, "jail:ioc-web")
		require.NoError(t, err)
		return rules
	}
	require.ElementsMatch(t, []string{"jail:ioc-web:maxproc:deny=100", "jail:ioc-web:openfiles:deny=4096"}, rules())

	// What the file says now counts, not what was read once.
	other, err := jail.Load(ctx, h.Host, "web")
	require.NoError(t, err)
	require.NoError(t, other.Config().Set("rlimits", "no"))
	require.NoError(t, other.Save(ctx))
	_, err = j.ApplyLimits(ctx, jail.LimitOptions{})
	require.NoError(t, err)
	require.Empty(t, rules())
}

// TestApplyLimitsWithoutRacct: rules that cannot be applied are an error; no rules
// are none.
func TestApplyLimitsWithoutRacct(t *testing.T) {
	ctx := context.Background()
	h, err := simhost.Open(simhost.Options{Dir: memoryDir(t), Kernel: func(o *simkernel.Options) { o.NoRACCT = true }})
	require.NoError(t, err)
	t.Cleanup(func() { h.Close() })
	fetch(t, h)
	for name, properties := range map[string]map[string]string{"limited": {"maxproc": "100"}, "free": nil} {
		j := newJail(t, h, name, false, properties)
		_, err := j.Start(ctx, jail.StartOptions{})
		require.NoError(t, err)
		_, err = j.ApplyLimits(ctx, jail.LimitOptions{})
		if name == "free" {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, jail.ErrConfig)
		}
	}
}
