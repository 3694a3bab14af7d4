package events

// Node is one span, or one event that is a span of its own, with the spans nested
// in it.
type Node struct {
	// Event is the newest event of the span: the final one if the span has ended.
	Event IocEvent
	// Events are all events of the span in the order sent.
	Events []IocEvent
	// Children are the spans nested in it, in the order they began.
	Children []*Node
}

// Tree rebuilds the nesting of events, which are in the order sent and may belong
// to several operations if their scopes differ. It returns the top-level spans in
// the order they began, including those whose parent is not among the events.
func Tree(all []IocEvent) []*Node {
	type key struct {
		scope string
		id    uint64
	}
	var top []*Node
	nodes := make(map[key]*Node)
	for _, e := range all {
		h := e.Head()
		k := key{h.Scope, h.ID}
		n := nodes[k]
		if n == nil {
			// Only an earlier span can be a parent, so that no input makes a cycle.
			n = &Node{}
			if parent := nodes[key{h.Scope, h.Parent}]; parent != nil {
				parent.Children = append(parent.Children, n)
			} else {
				top = append(top, n)
			}
			nodes[k] = n
		}
		n.Event = e
		n.Events = append(n.Events, e)
	}
	return top
}
