package fleet

import (
	"slices"

	"github.com/libioc/go-libioc/jail"
)

// jailKey tells the jails of a host apart; a foreign jail may have the name of one
// of a source.
type jailKey struct{ source, name string }

// graph has one node for each jail.
type graph struct {
	nodes []*node
	byKey map[jailKey]*node
}

func newGraph(wanted []*jail.Jail) *graph {
	g := &graph{byKey: map[jailKey]*node{}}
	for _, j := range wanted {
		g.add(j).wanted = true
	}
	return g
}

// find returns the jail's node, or nil.
func (g *graph) find(j *jail.Jail) *node { return g.byKey[jailKey{j.Source().Name, j.Name()}] }

// add returns the jail's node, which it makes if there is none.
func (g *graph) add(j *jail.Jail) *node {
	n := g.find(j)
	if n == nil {
		n = newNode(j, false, j.Priority())
		g.byKey[jailKey{j.Source().Name, j.Name()}] = n
		g.nodes = append(g.nodes, n)
	}
	return n
}

// startGraph makes the nodes of the jails that are asked for and, unless alone is
// set, of those they depend on. The dependencies of a running jail are not
// followed: it is up already. A jail in a circle, or that names one that does not
// exist, is refused, and with it those that depend on it.
func startGraph(deps *jail.Dependencies, wanted []*jail.Jail, alone bool) []*node {
	g := newGraph(wanted)
	for i := 0; i < len(g.nodes) && !alone; i++ {
		n := g.nodes[i]
		listed := deps.Find(n.jail)
		if listed == nil || listed.Status().Running {
			continue
		}
		on, err := deps.Of(listed)
		if err != nil {
			n.refused = err
			continue // nothing is begun for a jail that cannot start
		}
		for _, other := range on {
			n.needs = append(n.needs, g.add(other))
		}
	}
	refuse(g.nodes)
	inheritOrder(g.nodes)
	return g.nodes
}

// refuse refuses every node that is in a circle or needs one that is refused, and
// clears the needs of all these, so that nothing is begun for them.
func refuse(nodes []*node) {
	for _, group := range circles(nodes) {
		for _, n := range group {
			n.refused = &jail.CycleError{Cycle: circle(n, group)}
		}
	}
	for changed := true; changed; {
		changed = false
		for _, n := range nodes {
			i := slices.IndexFunc(n.needs, func(other *node) bool { return other.refused != nil })
			if n.refused == nil && i >= 0 {
				other := n.needs[i]
				n.refused = &jail.DependencyError{Jail: n.name, On: other.name, Err: other.refused}
				changed = true
			}
		}
	}
	for _, n := range nodes {
		if n.refused != nil {
			n.needs = nil
		}
	}
}

// useful returns the nodes that are asked for or that one of these needs.
func useful(nodes []*node) []*node {
	var wanted []*node
	for _, n := range nodes {
		if n.wanted {
			wanted = append(wanted, n)
		}
	}
	keep := withNeeds(wanted)
	return slices.DeleteFunc(nodes, func(n *node) bool { return !keep[n] })
}

// withNeeds returns the nodes and all that they need.
func withNeeds(nodes []*node) map[*node]bool {
	all := map[*node]bool{}
	for todo := slices.Clone(nodes); len(todo) > 0; todo = todo[1:] {
		if !all[todo[0]] {
			all[todo[0]] = true
			todo = append(todo, todo[0].needs...)
		}
	}
	return all
}

// inheritOrder makes a jail begin no later than the first one that needs it:
// otherwise a level would wait for one that waits for a higher level.
func inheritOrder(nodes []*node) {
	for todo := slices.Clone(nodes); len(todo) > 0; todo = todo[1:] {
		for _, other := range todo[0].needs {
			if other.order > todo[0].order {
				other.order = todo[0].order
				todo = append(todo, other)
			}
		}
	}
}

// circles returns the strongly connected components with more than one node, by
// Tarjan's algorithm.
func circles(nodes []*node) (out [][]*node) {
	index, low := map[*node]int{}, map[*node]int{}
	on := map[*node]bool{}
	var stack []*node
	var visit func(n *node)
	visit = func(n *node) {
		index[n] = len(index) + 1
		low[n] = index[n]
		stack = append(stack, n)
		on[n] = true
		for _, other := range n.needs {
			if index[other] == 0 {
				visit(other)
				low[n] = min(low[n], low[other])
			} else if on[other] {
				low[n] = min(low[n], index[other])
			}
		}
		if low[n] != index[n] {
			return
		}
		i := slices.Index(stack, n)
		group := slices.Clone(stack[i:])
		stack = stack[:i]
		for _, m := range group {
			on[m] = false
		}
		if len(group) > 1 {
			out = append(out, group)
		}
	}
	for _, n := range nodes {
		if index[n] == 0 {
			visit(n)
		}
	}
	return out
}

// circle returns the names on the shortest way from a node back to it within its
// group.
func circle(start *node, group []*node) []string {
	from := map[*node]*node{}
	for _, n := range group {
		from[n] = nil
	}
	for todo := []*node{start}; len(todo) > 0; todo = todo[1:] {
		for _, other := range todo[0].needs {
			if other == start {
				names := []string{start.name}
				for at := todo[0]; at != start; at = from[at] {
					names = append(names, at.name)
				}
				names = append(names, start.name)
				slices.Reverse(names)
				return names
			}
			if was, inGroup := from[other]; inGroup && was == nil {
				from[other] = todo[0]
				todo = append(todo, other)
			}
		}
	}
	return nil
}

// stopGraph makes the nodes of jails that are stopped: those that depend on a jail
// stop before it, the higher priority first. The jails of a circle stop in any
// order.
func stopGraph(deps *jail.Dependencies, wanted []*jail.Jail) []*node {
	g := newGraph(wanted)
	for _, n := range g.nodes {
		on, _ := deps.Of(n.jail)
		for _, other := range on {
			if need := g.find(other); need != nil {
				n.needs = append(n.needs, need)
			}
		}
	}
	for _, group := range circles(g.nodes) {
		for _, n := range group {
			n.needs = slices.DeleteFunc(n.needs, func(other *node) bool { return slices.Contains(group, other) })
		}
	}
	inheritOrder(g.nodes)
	reversed := map[*node][]*node{}
	for _, n := range g.nodes {
		for _, other := range n.needs {
			reversed[other] = append(reversed[other], n)
		}
	}
	for _, n := range g.nodes {
		n.needs, n.order = reversed[n], -n.order
	}
	return g.nodes
}
