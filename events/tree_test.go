package events

import (
	"fmt"
	"strings"
	"testing"
)

func sketch(nodes []*Node) string {
	var b strings.Builder
	for _, n := range nodes {
		fmt.Fprintf(&b, "%s:%d", n.Event.Head().Subject, len(n.Events))
		if len(n.Children) > 0 {
			fmt.Fprintf(&b, "(%s)", sketch(n.Children))
		}
		b.WriteByte(' ')
	}
	return strings.TrimSpace(b.String())
}

func TestTree(t *testing.T) {
	ev := func(scope string, id, parent uint64, name string) IocEvent {
		return JailStart{Header: Header{ID: id, Parent: parent, Scope: scope, Subject: name}}
	}
	tests := []struct {
		name string
		in   []IocEvent
		want string
	}{
		{"empty", nil, ""},
		{"nested", []IocEvent{ev("", 1, 0, "a"), ev("", 2, 1, "b"), ev("", 3, 2, "c"), ev("", 3, 2, "c"), ev("", 2, 1, "b"), ev("", 4, 1, "d"), ev("", 1, 0, "a")},
			"a:2(b:2(c:2) d:1)"},
		{"interleaved operations", []IocEvent{ev("x", 1, 0, "a"), ev("y", 1, 0, "b"), ev("y", 2, 1, "c"), ev("x", 2, 1, "d")},
			"a:1(d:1) b:1(c:1)"},
		{"parent missing", []IocEvent{ev("", 5, 4, "a"), ev("", 6, 5, "b")}, "a:1(b:1)"},
		{"own parent", []IocEvent{ev("", 1, 1, "a"), ev("", 1, 1, "a")}, "a:2"},
		{"ring", []IocEvent{ev("", 1, 2, "a"), ev("", 2, 1, "b"), ev("", 1, 2, "a")}, "a:2(b:1)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := sketch(Tree(tt.in)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	in := tests[1].in
	if n := Tree(in)[0]; n.Event != in[6] || n.Events[0] != in[0] {
		t.Error("Event is not the newest")
	}
}
