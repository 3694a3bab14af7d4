package fleet

import (
	"slices"

	"github.com/libioc/go-libioc/jail"
)

// key tells the jails of a host apart; a foreign jail may have the name of one
// of a source.
type key struct{ source, name string }

func keyOf(j *jail.Jail) key { return key{j.Source().Name, j.Name()} }

// startGraph makes the nodes of the jails that are asked for and, unless alone
// is set, of those they depend on. What a running jail depends on is not looked
// at: it is up already. A jail in a circle, or that names one that is not there,
// is refused; those depending on it then fail by themselves.
func startGraph(deps *jail.Dependencies, wanted []*jail.Jail, alone bool) []*node {
	byKey := map[key]*node{}
	var nodes []*node
	get := func(j *jail.Jail) (n *node, isNew bool) {
		if n := byKey[keyOf(j)]; n != nil {
			return n, false
		}
		n = &node{jail: j, order: j.Priority()}
		byKey[keyOf(j)] = n
		nodes = append(nodes, n)
		return n, true
	}
	for _, j := range wanted {
		n, _ := get(j)
		n.wanted = true
	}
	for i := 0; i < len(nodes) && !alone; i++ {
		n := nodes[i]
		seen := deps.Find(n.jail)
		if seen == nil || seen.Status().Running {
			continue
		}
		on, err := deps.Of(seen)
		if err != nil {
			n.refused = err
			continue // nothing is begun for a jail that cannot start
		}
		for _, other := range on {
			need, _ := get(other)
			n.needs = append(n.needs, need)
		}
	}
	refuseCycles(nodes)
	inheritOrder(nodes)
	return nodes
}

// refuseCycles refuses every node that is in a circle, and takes its needs
// away, so that nothing waits for ever and nothing is begun for it in vain.
func refuseCycles(nodes []*node) {
	for _, group := range circles(nodes) {
		inGroup := map[*node]bool{}
		for _, n := range group {
			inGroup[n] = true
		}
		for _, n := range group {
			n.refused = &jail.CycleError{Cycle: circle(n, inGroup)}
		}
	}
	// A jail that cannot start takes those that need it with it; what only they
	// need is not begun either.
	for changed := true; changed; {
		changed = false
		for _, n := range nodes {
			if n.refused != nil {
				continue
			}
			for _, other := range n.needs {
				if other.refused != nil {
					n.refused = &jail.DependencyError{Jail: n.jail.FullName(), On: other.jail.FullName(), Err: other.refused}
					changed = true
					break
				}
			}
		}
	}
	for _, n := range nodes {
		if n.refused != nil {
			n.needs = nil
		}
	}
}

// useful are the nodes that are asked for or that one of those that can start
// needs; the others are left out.
func useful(nodes []*node) []*node {
	keep := map[*node]bool{}
	var mark func(n *node)
	mark = func(n *node) {
		if keep[n] {
			return
		}
		keep[n] = true
		for _, other := range n.needs {
			mark(other)
		}
	}
	for _, n := range nodes {
		if n.wanted {
			mark(n)
		}
	}
	return slices.DeleteFunc(nodes, func(n *node) bool { return !keep[n] })
}

// inheritOrder makes a jail begin no later than the first one that needs it:
// else a level would wait for one that waits for a higher level.
func inheritOrder(nodes []*node) {
	var pass func(n *node)
	pass = func(n *node) {
		for _, other := range n.needs {
			if other.order > n.order {
				other.order = n.order
				pass(other)
			}
		}
	}
	for _, n := range nodes {
		pass(n)
	}
}

// circles are the strongly connected components with more than one node, by
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

// circle is the shortest way from a node back to it within its group.
func circle(start *node, group map[*node]bool) []string {
	from := map[*node]*node{}
	for todo := []*node{start}; len(todo) > 0; todo = todo[1:] {
		for _, other := range todo[0].needs {
			if other == start {
				names := []string{start.jail.FullName()}
				for at := todo[0]; at != start; at = from[at] {
					names = append(names, at.jail.FullName())
				}
				names = append(names, start.jail.FullName())
				slices.Reverse(names)
				return names
			}
			if group[other] && from[other] == nil {
				from[other] = todo[0]
				todo = append(todo, other)
			}
		}
	}
	return nil
}

// stopGraph makes the nodes of jails that are stopped: the ones that depend on
// a jail stop before it, the higher priority first. Circles are no hindrance:
// what is in one stops in no order.
func stopGraph(deps *jail.Dependencies, wanted []*jail.Jail) []*node {
	byKey := map[key]*node{}
	var nodes []*node
	for _, j := range wanted {
		if byKey[keyOf(j)] == nil {
			n := &node{jail: j, wanted: true, order: j.Priority()}
			byKey[keyOf(j)] = n
			nodes = append(nodes, n)
		}
	}
	for _, n := range nodes {
		on, _ := deps.Of(n.jail)
		for _, other := range on {
			if need := byKey[keyOf(other)]; need != nil {
				n.needs = append(n.needs, need)
			}
		}
	}
	for _, group := range circles(nodes) {
		for _, n := range group {
			n.needs = slices.DeleteFunc(n.needs, func(other *node) bool { return slices.Contains(group, other) })
		}
	}
	inheritOrder(nodes)
	// Turn it round.
	needs := map[*node][]*node{}
	for _, n := range nodes {
		for _, other := range n.needs {
			needs[other] = append(needs[other], n)
		}
	}
	for _, n := range nodes {
		n.needs, n.order = needs[n], -n.order
	}
	return nodes
}
