package fleet_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/jail/fleet"
)

// graphJail is a jail of the model.
type graphJail struct {
	depends  []int // numbers; -1 is a jail that does not exist
	priority int
	up       bool // before
	template bool
	wanted   bool
}

// canStart is the obvious rule: a jail is up already, or all that it names are
// there and can start, and it is not on the way to itself.
func canStart(all []graphJail, i int, way []int) bool {
	j := all[i]
	switch {
	case j.up:
		return true
	case j.template || slices.Contains(way, i):
		return false
	}
	for _, d := range j.depends {
		if d == i {
			continue
		}
		if d < 0 || all[d].template || !canStart(all, d, append(way, i)) {
			return false
		}
	}
	return true
}

// reached are the jails that have to be up for i.
func reached(all []graphJail, i int, into map[int]bool) {
	if into[i] {
		return
	}
	into[i] = true
	if all[i].up {
		return
	}
	for _, d := range all[i].depends {
		reached(all, d, into)
	}
}

func randomGraph(r *rand.Rand) []graphJail {
	all := make([]graphJail, 1+r.IntN(200))
	edges, circles := r.Float64()*3, []int{1 << 30, 15, 3}[r.IntN(3)]
	for i := range all {
		j := &all[i]
		j.priority = r.IntN(5)
		j.up = r.IntN(12) == 0
		j.template = r.IntN(40) == 0 && !j.up
		j.wanted = r.IntN(3) == 0
		for range int(edges + r.Float64()) {
			switch d := r.IntN(len(all) + 2); {
			case d >= len(all) && r.IntN(3) == 0:
				j.depends = append(j.depends, -1)
			case d >= len(all):
				j.depends = append(j.depends, i) // itself
			case d < i || r.IntN(circles) == 0: // now and then a circle
				j.depends = append(j.depends, d)
			}
		}
	}
	return all
}

// put makes the graph's jails on a host.
func (g graphJail) put(t testing.TB, h *simhost.Host, i int) {
	properties := map[string]string{"priority": fmt.Sprint(g.priority)}
	if g.template {
		properties["template"] = "yes"
	}
	var names []string
	for _, d := range g.depends {
		if d < 0 {
			names = append(names, "nobody")
		} else {
			names = append(names, fmt.Sprintf("j%03d", d))
		}
	}
	if names != nil {
		properties["depends"] = strings.Join(names, ",")
	}
	jailtest.PutPlain(t, h, fmt.Sprintf("j%03d", i), properties)
	if g.up {
		jailtest.Up(t, h, fmt.Sprintf("ioc-j%03d", i))
	}
}

// TestOrderModel starts random selections of random graphs of up to 200 jails
// and compares with a model that is slow and obvious: who is up in the end, who
// fails and why, and that nobody began before those it depends on were ready.
func TestOrderModel(t *testing.T) {
	t.Parallel()
	rounds := 45
	if jailtest.Brief() {
		rounds = 6
	}
	cycles, missing, refused, started, runs := 0, 0, 0, 0, 0
	for seed := range rounds {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		all := randomGraph(r)
		h := jailtest.OpenHost(t, simhost.Options{})
		var wanted []string
		want := map[int]bool{} // up in the end
		for i, j := range all {
			j.put(t, h, i)
			if j.wanted && !j.template {
				wanted = append(wanted, fmt.Sprintf("j%03d", i))
				if canStart(all, i, nil) {
					reached(all, i, want)
				}
			}
			want[i] = want[i] || j.up
		}
		results, err := fleet.StartAll(context.Background(), h.Host, jailtest.Load(t, h, wanted...), fleet.StartAllOptions{})
		require.NoError(t, err)

		var expected []string
		for i := range all {
			if want[i] {
				expected = append(expected, fmt.Sprintf("j%03d", i))
			}
		}
		require.Equal(t, expected, jailtest.Running(t, h), "seed %d", seed)
		seen := map[string]fleet.Result{}
		for _, one := range results {
			require.NotContains(t, seen, one.Jail.Name(), "one result for each")
			seen[one.Jail.Name()] = one
		}
		for i, j := range all {
			name := fmt.Sprintf("j%03d", i)
			one, told := seen[name]
			switch {
			case j.wanted && !j.template:
				require.True(t, told, "seed %d: %s has no result", seed, name)
				require.Equal(t, want[i], one.Err == nil, "seed %d: %s: %v", seed, name, one.Err)
			case told:
				require.True(t, one.Dependency)
				require.True(t, want[i] || one.Err != nil, "seed %d: %s", seed, name)
			}
			if !told {
				continue
			}
			switch {
			case j.up:
				require.Equal(t, fleet.Passed, one.Outcome, "%s", name)
				runs++
			case one.Err == nil:
				require.Equal(t, fleet.Done, one.Outcome)
				started++
				for _, d := range j.depends {
					if d != i && !all[d].up {
						before := seen[fmt.Sprintf("j%03d", d)]
						require.False(t, one.Began.Before(before.Began.Add(before.Took)), "seed %d: %s began before j%03d was ready", seed, name, d)
					}
				}
			case slices.Contains(j.depends, -1) || hasTemplate(all, j):
				require.ErrorIs(t, one.Err, jail.ErrNotFound, "seed %d: %s", seed, name)
				missing++
			case onCircle(all, i):
				var circle *jail.CycleError
				require.ErrorAs(t, one.Err, &circle, "seed %d: %s", seed, name)
				requireCircle(t, all, circle.Cycle)
				cycles++
			default:
				require.ErrorIs(t, one.Err, jail.ErrDependency, "seed %d: %s", seed, name)
				refused++
			}
		}
		h.Close()
	}
	t.Logf("%d started, %d ran before; failed: %d in circles, %d with missing ones, %d through others", started, runs, cycles, missing, refused)
	if !jailtest.Brief() {
		for _, n := range []int{cycles, missing, refused, started, runs} {
			require.Greater(t, n, 20, "the graphs do not have enough of everything")
		}
	}
}

func hasTemplate(all []graphJail, j graphJail) bool {
	return slices.ContainsFunc(j.depends, func(d int) bool { return d >= 0 && all[d].template })
}

// onCircle reports whether a jail is reached from itself over jails that would
// have to be started.
func onCircle(all []graphJail, i int) bool {
	seen := map[int]bool{}
	var walk func(at int) bool
	walk = func(at int) bool {
		j := all[at]
		// A name of a jail that does not exist is refused before circles are.
		if j.up || slices.Contains(j.depends, -1) || hasTemplate(all, j) {
			return false
		}
		for _, d := range j.depends {
			if d == at {
				continue
			}
			if d == i {
				return true
			}
			if !seen[d] {
				seen[d] = true
				if walk(d) {
					return true
				}
			}
		}
		return false
	}
	return walk(i)
}

func requireCircle(t testing.TB, all []graphJail, names []string) {
	t.Helper()
	require.Greater(t, len(names), 2)
	require.Equal(t, names[0], names[len(names)-1])
	for k := range names[:len(names)-1] {
		var from, to int
		fmt.Sscanf(names[k], "j%d", &from)
		fmt.Sscanf(names[k+1], "j%d", &to)
		require.Contains(t, all[from].depends, to)
	}
}
