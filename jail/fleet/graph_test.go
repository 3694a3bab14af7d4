package fleet

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ordersOf returns what graphOf reads, with the orders of the nodes only.
func ordersOf(nodes []*node) map[string]int {
	orders := map[string]int{}
	for _, n := range nodes {
		orders[n.name] = n.order
	}
	return orders
}

func TestInheritOrder(t *testing.T) {
	for _, row := range []struct {
		graph string
		want  map[string]int
	}{
		{"web:1<db db:5", map[string]int{"web": 1, "db": 1}},
		{"web:5<db db:1", map[string]int{"web": 5, "db": 1}},
		{"web:1<db db:3<disk disk:7", map[string]int{"web": 1, "db": 1, "disk": 1}},
		{"web:4<disk mail:2<disk disk:7", map[string]int{"web": 4, "mail": 2, "disk": 2}},
	} {
		nodes, _ := graphOf(row.graph)
		inheritOrder(nodes)
		require.Equal(t, row.want, ordersOf(nodes), row.graph)
	}
}

func TestCircles(t *testing.T) {
	for _, row := range []struct{ graph, want string }{
		{"a b<a c<a,b d<c,b", ""},
		{"a<b b<a", "a,b"},
		{"a<b b<c c<a d<a", "a,b,c"},
		{"a<b,c b<d c<d d<e e<d", "d,e"},
		{"a<b b<a c<d d<c e<a,c", "a,b c,d"},
		{"a<b,c b<c c<b,a", "a,b,c"},
	} {
		nodes, _ := graphOf(row.graph)
		var got []string
		for _, group := range circles(nodes) {
			var names []string
			for _, n := range group {
				names = append(names, n.name)
			}
			slices.Sort(names)
			got = append(got, strings.Join(names, ","))
		}
		slices.Sort(got)
		require.Equal(t, row.want, strings.Join(got, " "), row.graph)
	}
}

// TestCircle: the shortest way back, within the group.
func TestCircle(t *testing.T) {
	for _, row := range []struct{ graph, group, want string }{
		{"a<b b<a", "a b", "a b a"},
		{"a<b b<c c<a", "a b c", "a b c a"},
		{"a<b b<c,d c<d d<a", "a b c d", "a b d a"},
		{"a<x,b x<b b<a", "a b", "a b a"},
	} {
		_, by := graphOf(row.graph)
		var group []*node
		for name := range strings.FieldsSeq(row.group) {
			group = append(group, by[name])
		}
		require.Equal(t, strings.Fields(row.want), circle(by["a"], group), row.graph)
	}
}

// TestLastLevel: beyond the last level none is opened.
func TestLastLevel(t *testing.T) {
	now := time.Now()
	nodes, by := graphOf("web:1 db:2")
	l := newLevels(nodes, now, now.Add(time.Minute))
	require.False(t, l.last())
	require.True(t, l.open(by["web"]))
	require.False(t, l.open(by["db"]))
	for _, n := range nodes {
		n.state = nodeOver
	}
	l.advance(nodes, now)
	require.True(t, l.last())
	require.True(t, l.open(by["db"]))
}
